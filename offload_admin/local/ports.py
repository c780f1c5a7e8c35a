"""Asks whether a process will get its port, before anything is started for it."""

import errno
import socket
import time
from contextlib import closing

from offload_admin.env import BadEnvironment
from offload_admin.local.faults import LocalFault

POLL_SECONDS = 0.1


def require_free_port(host: str, port: int, *, variable: str, patience_seconds: float) -> None:
    """Return if `port` of `host` can be listened on, waiting that long for it to become free.

    `variable` is what a person sets to choose another.

    Raises LocalFault when it stays taken or needs more rights, BadEnvironment when BIND is no
    address of this machine.
    """
    end = time.monotonic() + patience_seconds
    while (number := _try(host, port)) == errno.EADDRINUSE and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if number == errno.EADDRINUSE:
        raise LocalFault(f"port {port} is taken by another program; set {variable} to a free one")
    if number in {errno.EACCES, errno.EPERM}:
        raise LocalFault(f"port {port} needs more rights; set {variable} to one above 1023")
    if number:
        raise BadEnvironment("BIND", f"is not an address of this machine: {host}")


def _try(host: str, port: int) -> int:
    """Return 0, or the number of the error that binding met."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            # Connections of a run that just ended may linger; a living listener still refuses.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        return error.errno or errno.EADDRNOTAVAIL
    return 0
