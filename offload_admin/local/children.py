"""Child processes that end when their parent does."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Under which user a program runs: this one, or another user id, behind a wrapper."""

    owner: tuple[int, int] | None = None  # (uid, gid) to change to; None stays this user
    wrapper: tuple[str, ...] = ()
    description: str = "this user"


def end_with_parent(number: signal.Signals, *, parent: int) -> Callable[[], None] | None:
    """Return what a process does to be sent `number` when its parent (a process id) ends.

    Linux only (None elsewhere). The kernel watches the *thread* that starts the child, so
    children are started from the main thread.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), number)

    return ask


def spawn(
    command: Sequence[str | Path],
    *,
    identity: Identity,
    end_signal: signal.Signals,
    output: IO[bytes] | int,
    errors: IO[bytes] | int = subprocess.STDOUT,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in its own session; it gets `end_signal` when this process dies.

    Its standard output goes to `output`, its standard error there too unless `errors` names
    another place. Raises OSError.
    """
    uid, gid = identity.owner or (None, None)
    return subprocess.Popen(  # noqa: S603 - the commands are our own
        [*identity.wrapper, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd=directory or "/",
        env=environment,
        start_new_session=True,
        user=uid,
        group=gid,
        extra_groups=[] if uid is not None else None,
        preexec_fn=end_with_parent(end_signal, parent=os.getpid()),  # noqa: PLW1509 - see above
    )


def run_as(
    command: Sequence[str | Path], *, identity: Identity, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end as `identity`, with `given` as its input; never raises for it."""
    uid, gid = identity.owner or (None, None)
    return subprocess.run(  # noqa: S603 - the commands are our own
        [*identity.wrapper, *map(str, command)],
        check=False,
        input=given,
        capture_output=True,
        text=True,
        cwd="/",
        user=uid,
        group=gid,
        extra_groups=[] if uid is not None else None,
        env={**os.environ, "LC_ALL": "C"},
    )


def stop(child: subprocess.Popen[bytes], *, first: signal.Signals, seconds: float) -> None:
    """End a child with `first`, and with its whole group by SIGKILL when that took too long."""
    if child.poll() is not None:
        return
    child.send_signal(first)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def stop_all(
    children: Iterable[subprocess.Popen[bytes]], *, first: signal.Signals, seconds: float
) -> None:
    """End all children at once: `first` to each, SIGKILL to what is left after `seconds`."""
    living = [child for child in children if child.poll() is None]
    for child in living:
        child.send_signal(first)
    end = time.monotonic() + seconds
    for child in living:
        stop(child, first=first, seconds=max(0.0, end - time.monotonic()))
