"""Why a local run cannot go on, said in one line."""

import errno
import shutil
from pathlib import Path

FULL_DISK_BYTES = 1024 * 1024
NO_SPACE_WORDS = ("No space left on device", "Disk quota exceeded")


class LocalFault(SystemExit):
    """Ends the process with exit code 1 and one line that a person can act on."""

    def __init__(self, reason: str) -> None:
        """Keep `reason` on one line."""
        self.reason = " ".join(reason.split())
        super().__init__(f"error: {self.reason}")


def fault_of(error: OSError, *, path: Path) -> LocalFault:
    """Return the fault for an error of the file system met at `path`."""
    where = error.filename or path
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return LocalFault(f"no space left on the disk of {path}")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return LocalFault(
            f"cannot write to {where}: {error.strerror};"
            " change its rights or set OFFLOAD_STATE_DIR to another directory"
        )
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return LocalFault(
            f"{where} is a file, not a directory; set OFFLOAD_STATE_DIR to another directory"
        )
    return LocalFault(f"{where}: {error.strerror}")


def fault_of_output(output: str, *, service: str, path: Path, log: Path) -> LocalFault:
    """Return the fault for what a server or command printed before it gave up.

    `output` is its last output, `path` its directory, `log` where the rest stands. A line of
    BadEnvironment or LocalFault from a child is passed on as it is.
    """
    # A log on the same full disk may have stayed empty, so the disk itself is asked too.
    is_full = shutil.disk_usage(path).free < FULL_DISK_BYTES
    if is_full or any(words in output for words in NO_SPACE_WORDS):
        return LocalFault(f"no space left on the disk of {path}")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if lines and lines[-1].startswith("error: "):
        return LocalFault(lines[-1].removeprefix("error: "))
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error" in line]
    last = (telling or lines or ["it said nothing"])[-1]
    return LocalFault(f"{service} did not start: {last} (all of it in {log})")
