"""CloudEvents 1.0 in structured and batched mode, as runners send them.

An envelope that can't be read is a problem of the whole request; anything wrong with one event
is that event's rejection, and its neighbours are kept.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import msgspec

from billing.services.ingest import Reported, Verdict
from orgs.access.problems import Problem

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
EVENTS_AT_MOST: Final = 1000
NAME_AT_MOST: Final = 256
"""Characters of `id` and of `source`."""
ORGANIZATIONS_AT_MOST: Final = 100

_TYPE_PREFIX: Final = "offload.session."
_KINDS: Final = {f"{_TYPE_PREFIX}{kind}": kind for kind in ("active", "idle", "ended")}
_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


class _Data(msgspec.Struct, gc=False):
    organization: str
    machine: str
    idle_timeout_seconds: int


class _CloudEvent(msgspec.Struct, gc=False):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    data: _Data


Names = tuple[str, str, str, str]
"""Source, subject, organization and machine of an event."""


class _Invalid(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


_EVENT: Final = msgspec.json.Decoder(_CloudEvent)
_BATCH_OF_EVENTS: Final = msgspec.json.Decoder(list[_CloudEvent])
_RAW_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANYTHING: Final = msgspec.json.Decoder()


def parse_events(body: bytes, *, content_type: str) -> tuple[list[Reported], list[Verdict]]:
    """Return the events of a body and a rejection for each item that is not one.

    Times may have any number of digits below the second; those below a microsecond are cut off.

    Raises:
        Problem: 415 for another media type, 400 for a body that is not JSON of the right
            outer shape, 413 beyond 1,000 events, 100 organizations or 256 characters of an
            `id` or `source`.
    """
    reported: list[Reported] = []
    rejected: list[Verdict] = []
    checked: set[Names] = set()
    for index, item in enumerate(_items(body, content_type=content_type)):
        try:
            event = _decoded(item)
            _check_texts(event, index=index, checked=checked)
            reported.append(_reported(event, index=index))
        except _Invalid as invalid:
            rejected.append(Verdict(index, _id_of(item), "rejected", invalid.code, invalid.detail))
    if len({event.organization for event in reported}) > ORGANIZATIONS_AT_MOST:
        detail = f"A batch speaks of at most {ORGANIZATIONS_AT_MOST} organizations."
        raise Problem(413, "too_many_organizations", detail)
    return reported, rejected


def _items(body: bytes, *, content_type: str) -> Iterable[Any]:
    """Return the batch's items: events, or raw JSON when one of them is not an event, or
    decoded values where only Python can read it.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == SINGLE:
        batch = b"[" + body + b"]"
    elif media_type == BATCH:
        batch = body
    else:
        raise Problem(415, "unsupported_media_type", f"Content-Type must be {SINGLE} or {BATCH}.")
    items: list[Any]
    try:
        items = list(_BATCH_OF_EVENTS.decode(batch))
    except (msgspec.DecodeError, UnicodeDecodeError):
        items = _raw_items(batch)
    if media_type == SINGLE and len(items) != 1:
        raise Problem(400, "malformed_json", "The body is not one JSON value.")
    if len(items) > EVENTS_AT_MOST:
        raise Problem(413, "too_many_events", f"A batch has at most {EVENTS_AT_MOST} events.")
    return items


def _raw_items(batch: bytes) -> list[Any]:
    try:
        return list(_RAW_BATCH.decode(batch))
    except msgspec.ValidationError:
        raise Problem(400, "not_a_batch", "A batch is a JSON array of events.") from None
    except msgspec.DecodeError as error:
        return _lenient_items(batch, error)


def _lenient_items(batch: bytes, error: msgspec.DecodeError) -> list[Any]:
    """Read JSON whose only fault may be a lone surrogate, so that its neighbours are kept."""
    malformed = Problem(400, "malformed_json", f"The body is not JSON: {error}.")
    try:
        items = json.loads(batch.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise malformed from None
    if not isinstance(items, list):
        raise malformed from None
    return items


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _decoded(item: Any) -> _CloudEvent:
    if isinstance(item, _CloudEvent):
        return item
    try:
        if isinstance(item, msgspec.Raw):
            return _EVENT.decode(item)
        return msgspec.convert(item, _CloudEvent)
    except UnicodeError:  # not UTF-8, or a lone surrogate where no text belongs
        raise _Invalid("invalid_text", "The event is not Unicode text.") from None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _Invalid("invalid_event", f"{error}.") from None


def _check_texts(event: _CloudEvent, *, index: int, checked: set[Names]) -> None:
    """Check what will be stored or looked up; `checked` are names of this batch that are good."""
    _check_text(event, event.id, index=index)
    names = (event.source, event.subject, event.data.organization, event.data.machine)
    if names not in checked:
        for text in names:
            _check_text(event, text, index=index)
        checked.add(names)


def _check_text(event: _CloudEvent, text: str, *, index: int) -> None:
    name = "id" if text is event.id else "source" if text is event.source else "a name"
    if not text:
        raise _Invalid("invalid_event", f"{name} is empty.")
    if "\x00" in text or not _is_unicode(text):
        raise _Invalid("invalid_text", f"{name} holds a NUL or a lone surrogate.")
    if len(text) > NAME_AT_MOST:
        detail = f"{name} is longer than {NAME_AT_MOST} characters."
        if name == "a name":
            raise _Invalid("invalid_event", detail)
        raise Problem(413, "name_too_long", f"Event {index}: {detail}")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reported(event: _CloudEvent, *, index: int) -> Reported:
    if event.specversion != "1.0":
        raise _Invalid("unsupported_specversion", "specversion must be 1.0.")
    kind = _KINDS.get(event.type)
    if kind is None:
        raise _Invalid("unknown_type", f"type must be one of {', '.join(_KINDS)}.")
    return Reported(
        index,
        event.id,
        event.source,
        kind,
        _instant(event.time),
        event.data.organization,
        event.subject,
        event.data.machine,
        event.data.idle_timeout_seconds,
    )


def _instant(text: str) -> datetime:
    if _RFC_3339.fullmatch(text) is None:
        raise _Invalid("invalid_time", "time must be RFC 3339 with a zone.")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Invalid("invalid_time", f"time is not an instant: {error}.") from None


def _id_of(item: Any) -> str:
    """Return the id of an item that is not an event, as far as it has one."""
    found: Any
    if isinstance(item, _CloudEvent):
        found = item.id
    else:
        try:
            value = _ANYTHING.decode(item) if isinstance(item, msgspec.Raw) else item
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""
        found = value.get("id") if isinstance(value, dict) else None
    if not isinstance(found, str):
        return ""
    return found[:NAME_AT_MOST].encode(errors="replace").decode()
