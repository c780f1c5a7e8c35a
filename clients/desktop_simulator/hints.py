"""Listening to the stream: server-sent events, and when to listen again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class StreamEvent:
    """One event as the HTML standard defines it, or a comment (`name` empty)."""

    name: str = ""
    data: str = ""
    retry_milliseconds: int | None = None


@dataclass(kw_only=True)
class _Pending:
    name: str = ""
    data: list[str] = field(default_factory=list)
    retry: int | None = None


def read_events(lines: Iterable[bytes]) -> Iterator[StreamEvent]:
    """Yield the events of a stream, and a nameless one for each comment and each `retry`."""
    pending = _Pending()
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text.startswith(":"):
            yield StreamEvent()
        elif text:
            name, _, value = text.partition(":")
            _take(pending, name, value.removeprefix(" "))
        else:
            if pending.data or pending.retry is not None:
                yield StreamEvent(
                    name=pending.name or ("message" if pending.data else ""),
                    data="\n".join(pending.data),
                    retry_milliseconds=pending.retry,
                )
            pending = _Pending()


def _take(pending: _Pending, name: str, value: str) -> None:
    match name:
        case "event":
            pending.name = value
        case "data":
            pending.data.append(value)
        case "retry" if value.isascii() and value.isdigit():
            pending.retry = int(value)
        case _:
            return
