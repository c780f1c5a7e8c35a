"""Reading a trace's file, plain or gzip, block by block."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Final

from billing.domain.swf import Trace, read_trace, split_lines

BLOCK_BYTES: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"


class DamagedFile(Exception):
    """The file ends or breaks in the middle; `trace` is what could be read before."""

    def __init__(self, why: str, *, trace: Trace) -> None:
        super().__init__(why)
        self.trace = trace


def read_trace_file(path: Path, *, limit: int | None) -> Trace:
    """Read a trace up to its end or its `limit`th job; gzip is known by its first bytes.

    Raises:
        OSError: the file can't be opened or read at all.
        DamagedFile: it is damaged somewhere; what comes before is not lost.
    """
    damage: list[str] = []
    with _opened(path) as file:
        trace = read_trace(lines=split_lines(_blocks(file, damage)), limit=limit)
    if damage:
        raise DamagedFile(damage[0], trace=trace)
    return trace


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    with path.open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if not is_packed:
            yield file
            return
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            yield unpacked


def _blocks(file: BufferedIOBase, damage: list[str]) -> Iterator[bytes]:
    """Yield the file's content; say in `damage` what ended it before its end."""
    while True:
        try:
            # One block of what is there: a longer read would lose what comes before a damage.
            block = file.read1(BLOCK_BYTES)
        except (EOFError, zlib.error, OSError) as error:
            damage.append(str(error))
            return
        if not block:
            return
        yield block
