"""The simulated Desktop against the real web and stream processes, with no Redis behind them."""

import json
import queue
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from billing.models import SessionEvent
from offload_admin.local.state import PROJECT
from orgs.domain.roles import Scope
from orgs.models import Device
from orgs.selectors.members import member_actor
from orgs.services.audit import recording
from orgs.services.device_sign_ins import approve_sign_in, open_sign_in
from orgs.services.tokens import revoke_token
from tests.factories.desktops import add_member, in_recording, put_policy
from tests.factories.devices import make_person
from tests.factories.orgs import make_organization, make_token
from tests.factories.usage import make_customer

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60.0


def now():
    return datetime.now(UTC)  # noqa: TID251 - the processes have the machine's clock


class Simulation:
    """A running simulator, and the lines that it prints."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "clients.desktop_simulator", *arguments]
        self.process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self.seen = []
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, event, *, desktop=None, **facts):
        """The next line that says this."""
        wanted = {"event": event} | facts | ({"desktop": desktop} if desktop else {})
        while line := self._lines.get(timeout=PATIENCE):
            said = json.loads(line)
            self.seen.append(said)
            if wanted.items() <= said.items():
                return said
        raise AssertionError(f"never said: {wanted}\n{self.seen}")

    def end(self):
        """Its exit code and its last line."""
        self.process.wait(PATIENCE)
        return self.process.returncode, self.until("summary")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=PATIENCE)

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")


@pytest.fixture
def simulate(live):
    started = []

    def simulate(*arguments):
        started.append(Simulation("--server", live.url, *arguments))
        return started[-1]

    yield simulate
    for simulation in started:
        simulation.stop()


@pytest.fixture
def acme(live):
    return make_organization("acme").organization


def test_two_desktops_follow_a_policy_and_one_is_signed_out(simulate, acme, tmp_path):
    members = [add_member(acme, f"{name}@acme.example") for name in ("mei", "hao")]
    tokens = [make_token(acme, Scope.DESKTOP, member=member) for member in members]
    file = tmp_path / "tokens"
    file.write_text("".join(f"{token.text}\n" for token in tokens))
    simulation = simulate("--tokens-file", str(file), "--desktops", "2", "--spread", "0.1")
    for _ in members:
        simulation.until("hint", is_news=False)

    put_policy(acme, {"gpu_enabled": {"state": "always_enabled"}}, at=now())
    seen = {simulation.until("settings", cause="hint")["desktop"] for _ in members}
    assert seen == {"mei@acme.example", "hao@acme.example"}

    in_recording(
        now(),
        lambda trail: revoke_token(
            trail=trail, organization_id=acme.pk, token_id=tokens[0].token.pk
        ),
    )
    simulation.until("bye", desktop="mei@acme.example", reason="token_revoked")
    simulation.until("signed_out", desktop="mei@acme.example", code="token_revoked")

    simulation.process.terminate()
    code, summary = simulation.end()
    assert code == 0
    assert summary["counts"]["signed_out"] == 1


def test_a_person_lets_a_desktop_in_and_it_reports_what_it_applied(simulate, acme):
    """The device flow from discovery to a token, with nothing told but the server's address."""
    user, (mei,) = make_person("mei@acme.example", acme)
    simulation = simulate("--check-ins", "--device-id", "d-1")
    prompt = simulation.process.stderr.readline()
    code = re.search(r"code ([A-Z]{4})-([A-Z]{4}) ", prompt)
    assert code, prompt
    at = now()
    sign_in = open_sign_in(user_id=user.pk, user_code="".join(code.groups()), address=None, at=at)
    with recording(actor=member_actor(mei), at=at) as trail:
        approve_sign_in(trail=trail, sign_in_id=sign_in.pk, member=mei)
    first = simulation.until("settings", desktop="mei@acme.example", status=200)
    simulation.until("check_in", status=200)
    device = Device.objects.get(device_id="d-1", member=mei)
    assert device.applied_revision == first["revision"]


def test_polls_alone_are_304_until_something_changes(simulate, acme):
    token = make_token(acme, Scope.DESKTOP, member=add_member(acme, "mei@acme.example"))
    simulation = simulate("--token", token.text, "--no-stream", "--poll-after", "0.2")
    first = simulation.until("settings", cause="start", status=200)
    simulation.until("poll", status=304)
    put_policy(acme, {"gpu_enabled": {"state": "enabled"}}, at=now())
    changed = simulation.until("settings", cause="poll", status=200)
    assert changed["revision"] > first["revision"]
    simulation.until("poll", status=304, revision=changed["revision"])


def test_a_token_that_opens_nothing_ends_the_program(simulate, acme):
    code, summary = simulate("--token", "ofd_nonsense").end()
    assert code == 1
    assert summary["counts"] == {"refused": 1, "signed_out": 1}


def test_a_day_is_played_and_metered(simulate, live):
    """Half an hour in a few seconds: the runner's events carry the idle timeout in effect."""
    customer = make_customer("acme", since=datetime(2026, 1, 1, tzinfo=UTC))
    acme = customer.organization
    put_policy(acme, {"idle_timeout_seconds": {"default": 60}}, at=now())
    mei = add_member(acme, "mei@acme.example")
    simulation = simulate(
        *("--token", make_token(acme, Scope.DESKTOP, member=mei).text, "--seed", "7"),
        *("--metering-token", make_token(acme, Scope.METERING_WRITE).text),
        *("--play", "--hours", "0.5", "--speed", "300"),
    )
    first = simulation.until("active")
    assert (first["status"], first["idle_timeout_seconds"]) == (200, 60)
    simulation.until("idle")
    simulation.until("day_over")
    reported = [line for line in simulation.seen if line["event"] in {"active", "idle"}]
    assert {line["status"] for line in reported} == {200}
    stored = SessionEvent.objects.order_by("occurred_at").values_list("kind", "occurred_at")
    assert [kind for kind, _ in stored] == [line["event"] for line in reported]
    assert all(at <= now() for _, at in stored)


def test_who_may_not_use_offload_works_locally(simulate, acme):
    put_policy(acme, {"offload_enabled": {"state": "always_disabled"}}, at=now())
    token = make_token(acme, Scope.DESKTOP, member=add_member(acme, "mei@acme.example"))
    simulation = simulate("--token", token.text, "--play", "--hours", "0.2", "--speed", "300")
    simulation.until("works_locally")
    simulation.until("day_over")
    assert not [line for line in simulation.seen if line["event"] == "active"]
