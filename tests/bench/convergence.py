"""B11: an owner saves the policy; how long until 200 connected Desktops obey it."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from offload_admin.local.state import PROJECT
from tests.bench.desktop_poll import make_desktops
from tests.bench.place import PORT, stream_process, web_process
from tests.bench.report import Row
from tests.bench.workload import Customer, make_customer

DESKTOPS = 200
SAVES = 10
PAUSE_SECONDS = 2.0
SPREAD_SECONDS = 1.0
PATIENCE_SECONDS = 30.0


class Cost(NamedTuple):
    """What the stream process has used so far."""

    cpu_seconds: float
    memory_mb: float


def run() -> list[Row]:
    """Save ten times with pauses; each Desktop's wait counts from the save's commit."""
    customer = make_customer("convergence", members=DESKTOPS, now=datetime.now(UTC))
    tokens = make_desktops(customer)
    hinted: list[float] = []
    obeyed: list[float] = []
    with web_process(), stream_process() as stream, tempfile.TemporaryDirectory() as directory:
        empty = _cost(stream)
        file = Path(directory) / "tokens"
        file.write_text("\n".join(tokens), encoding="ascii")
        with _Fleet(file) as fleet:
            fleet.wait_for("hint", DESKTOPS)
            full = _cost(stream)
            begun = time.monotonic()
            for number in range(SAVES):
                time.sleep(PAUSE_SECONDS + 0.37 * number)  # at any phase of what is periodic
                saved_at = _save(customer, default=60 + number)
                hinted += [at - saved_at for at in fleet.wait_for("hint", DESKTOPS)]
                obeyed += [at - saved_at for at in fleet.wait_for("settings", DESKTOPS)]
            spent, used = time.monotonic() - begun, _cost(stream)
    return [
        Row(
            "B11",
            f"policy saved → hint, {DESKTOPS} Desktops",
            _percentiles(hinted),
            "seconds",
            f"p50 / p99 / max of {len(hinted):,}; a hint waits 1 s, until every web process "
            "answers by what it hints at",
        ),
        Row(
            "B11",
            f"policy saved → new document, {DESKTOPS} Desktops",
            _percentiles(obeyed),
            "seconds",
            f"p50 / p99 / max of {len(obeyed):,}; the Desktops wait up to {SPREAD_SECONDS} s "
            "by chance after the hint",
        ),
        Row(
            "B11",
            f"the stream process with {DESKTOPS} streams",
            f"{100 * (used.cpu_seconds - full.cpu_seconds) / spent:.1f} % of a core",
            "–",
            f"{full.memory_mb:.0f} MB resident, {empty.memory_mb:.0f} MB without streams; "
            f"{SAVES} saves in {spent:.0f} s",
        ),
    ]


class _Fleet:
    """The simulated Desktops, in a process of their own, and what they say."""

    def __init__(self, tokens: Path) -> None:
        command = [
            *(sys.executable, "-m", "clients.desktop_simulator"),
            *("--server", f"http://127.0.0.1:{PORT}", "--tokens-file", str(tokens)),
            *("--desktops", str(DESKTOPS), "--spread", str(SPREAD_SECONDS), "--ramp", "5"),
        ]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        names = ("hint", "settings")
        self._said: dict[str, queue.Queue[float]] = {name: queue.Queue() for name in names}

    def __enter__(self) -> Self:
        threading.Thread(target=self._read, daemon=True).start()
        # the documents they begin with
        self.wait_for("settings", DESKTOPS)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)

    def wait_for(self, event: str, count: int) -> list[float]:
        """Return when each of the next events happened."""
        return [self._said[event].get(timeout=PATIENCE_SECONDS) for _ in range(count)]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said: dict[str, Any] = json.loads(line)
            if said["event"] in self._said:
                self._said[said["event"]].put(datetime.fromisoformat(said["at"]).timestamp())


def _save(customer: Customer, *, default: int) -> float:
    """Save another policy as an owner does; return when it was committed."""
    from orgs.domain.actors import operator
    from orgs.domain.policy_documents import read_rules
    from orgs.models import Organization
    from orgs.selectors.policies import get_policy
    from orgs.services.audit import recording
    from orgs.services.policies import save_policy

    with recording(actor=operator(label="bench"), at=datetime.now(UTC)) as trail:
        save_policy(
            trail=trail,
            organization=Organization.objects.get(pk=customer.id),
            rules=read_rules({"idle_timeout_seconds": {"default": default}}),
            expected_revision=get_policy(organization_id=customer.id).revision,
            reason="a benchmark",
        )
    return time.time()


def _cost(process: int) -> Cost:
    words = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    resident = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    return Cost((int(words[11]) + int(words[12])) / ticks, resident)


def _percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    half, nearly_all = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    return f"{half:.2f} / {nearly_all:.2f} / {ordered[-1]:.2f} s"
