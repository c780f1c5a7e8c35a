"""The audit log's chain: what an entry says, and how one event's hash follows from the last.

Hashes are SHA-256 over canonical JSON: keys sorted, no spaces, UTF-8, no floats. A program with
nothing but a standard library can follow the chain.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""What a diff may hold. No floats: their text differs from program to program."""

CHAIN_VERSION = 1
CHAIN_START = bytes(32)
"""The hash before the first event."""

SALT_BYTES = 16

ADDRESS = "address"
"""The personal value that holds where a request came from; every event may have one."""

MASK = "***"
"""What stands in a diff for a secret: that it changed is told, what it was is not."""

_SECRET_NAME = re.compile(r"(^|_)(password|secret|private_key|signing_key|api_key)(_|$)")
_SECRET_TEXT = re.compile(r"\b(of[a-z]_[0-9A-Za-z]{20,}|whsec_\S+)|PRIVATE KEY-----")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One change, before it has a place in the chain.

    `action` is a dotted name such as `member.added`; `diff` maps a field to `[before, after]`
    with secrets masked. What names a person (address, e-mail, name) goes into `personal`, which
    can be erased; the rest is for ever, so it names ids only.
    """

    organization_id: int
    action: str
    target_kind: str
    target_id: str
    diff: Mapping[str, Json] = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainedEvent:
    """Everything that one event's hash covers, besides the hash before it."""

    organization_id: int
    sequence: int
    at: datetime
    actor_kind: str
    actor_member_id: int | None
    actor_token_id: int | None
    actor_label: str
    action: str
    target_kind: str
    target_id: str
    diff: Mapping[str, Json]
    personal_digests: Mapping[str, str]
    reason: str


def hash_event(event: ChainedEvent, *, previous_hash: bytes) -> bytes:
    """Return the 32 bytes that chain `event` to the one before it.

    Raises `TypeError` for a diff that holds a float or anything else JSON is vague about.
    """
    content = event_content(event, previous_hash=previous_hash)
    return hashlib.sha256(canonical_json(content)).digest()


def event_content(event: ChainedEvent, *, previous_hash: bytes) -> dict[str, Json]:
    """Return what is hashed of an event, as any program finds it in an exported file."""
    return {
        "version": CHAIN_VERSION,
        "previous_hash": previous_hash.hex(),
        "organization_id": event.organization_id,
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": {
            "kind": event.actor_kind,
            "member_id": event.actor_member_id,
            "token_id": event.actor_token_id,
            "label": event.actor_label,
        },
        "action": event.action,
        "target": {"kind": event.target_kind, "id": event.target_id},
        "diff": event.diff,
        "personal_digests": event.personal_digests,
        "reason": event.reason,
    }


def mask_secrets(diff: Mapping[str, Json]) -> dict[str, Json]:
    """Return a diff with `MASK` for each value that is a secret by its field's name or its look.

    Services do not put secrets there; this stands between a mistake and a log that nobody can
    take it out of again. What is empty stays empty, so that "set" and "removed" can be read.
    """
    return {name: _masked(value, is_secret=_is_secret(name)) for name, value in diff.items()}


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name.lower()) is not None


def _masked(value: Json, *, is_secret: bool) -> Json:
    if isinstance(value, str):
        return MASK if value and (is_secret or _SECRET_TEXT.search(value)) else value
    if isinstance(value, Mapping):
        return {
            name: _masked(item, is_secret=is_secret or _is_secret(name))
            for name, item in value.items()
        }
    if isinstance(value, Sequence):
        return [_masked(item, is_secret=is_secret) for item in value]
    return MASK if is_secret and value is not None and not isinstance(value, bool) else value


def hash_personal(value: str, *, salt: bytes) -> str:
    """Return the hex digest that stands in the chain for a personal value.

    The salt has a fixed length, so that (salt, value) can be read in one way only; once both are
    dropped, nobody can find the value by trying.
    """
    if len(salt) != SALT_BYTES:
        msg = f"a salt has {SALT_BYTES} bytes"
        raise ValueError(msg)
    return hashlib.sha256(salt + value.encode()).hexdigest()


def canonical_json(value: Json) -> bytes:
    """Return the one way to write `value` as JSON. Raises `TypeError` for floats."""
    _refuse_floats(value)
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _refuse_floats(value: object) -> None:
    if value is None or isinstance(value, str | int):
        return
    if isinstance(value, float):
        msg = f"{value!r} has no place in an audit event: write it as a decimal string"
        raise TypeError(msg)
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
