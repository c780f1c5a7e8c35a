import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from orgs.domain.audit import CHAIN_START, ChainedEvent, canonical_json, hash_event, hash_personal

EVENT = ChainedEvent(
    organization_id=7,
    sequence=1,
    at=datetime(2026, 11, 24, 9, 0, 0, 5, tzinfo=UTC),
    actor_kind="user",
    actor_member_id=3,
    actor_token_id=None,
    actor_label="",
    action="member.added",
    target_kind="member",
    target_id="4",
    diff={"role": [None, "owner"]},
    personal_digests={"email": "ab"},
    reason="新成员",
)
# What any other program must hash, written out.
TEXT = (
    '{"action":"member.added","actor":{"kind":"user","label":"","member_id":3,"token_id":null},'
    '"at":"2026-11-24T09:00:00.000005+00:00","diff":{"role":[null,"owner"]},'
    '"organization_id":7,"personal_digests":{"email":"ab"},'
    f'"previous_hash":"{"00" * 32}","reason":"新成员","sequence":1,'
    '"target":{"id":"4","kind":"member"},"version":1}'
)


def test_the_hash_is_the_sha_256_of_the_written_out_text():
    assert hash_event(EVENT, previous_hash=CHAIN_START) == hashlib.sha256(TEXT.encode()).digest()


def test_the_zone_an_instant_is_given_in_does_not_matter():
    shanghai = EVENT.at.astimezone(timezone(timedelta(hours=8)))
    assert hash_event(replace(EVENT, at=shanghai), previous_hash=CHAIN_START) == hash_event(
        EVENT, previous_hash=CHAIN_START
    )


@pytest.mark.parametrize(
    "change",
    [
        {"organization_id": 8},
        {"sequence": 2},
        {"at": EVENT.at + timedelta(microseconds=1)},
        {"actor_kind": "token"},
        {"actor_member_id": None},
        {"actor_token_id": 1},
        {"actor_label": "x"},
        {"action": "member.removed"},
        {"target_kind": "user"},
        {"target_id": "5"},
        {"diff": {}},
        {"personal_digests": {}},
        {"reason": ""},
    ],
)
def test_every_part_is_covered(change):
    changed = replace(EVENT, **change)
    assert hash_event(changed, previous_hash=CHAIN_START) != hash_event(
        EVENT, previous_hash=CHAIN_START
    )


def test_the_hash_before_is_covered():
    assert hash_event(EVENT, previous_hash=b"\1" * 32) != hash_event(
        EVENT, previous_hash=CHAIN_START
    )


@pytest.mark.parametrize("value", [1.5, [1.0], {"a": {"b": [0.1]}}, (float("nan"),)])
def test_floats_are_refused_wherever_they_hide(value):
    with pytest.raises(TypeError, match="decimal string"):
        canonical_json(value)


def test_a_digest_hides_its_value_behind_the_salt():
    digest = hash_personal("mei@acme.example", salt=b"\1" * 16)
    assert digest != hash_personal("mei@acme.example", salt=b"\2" * 16)
    assert len(digest) == 64


def test_a_salt_has_its_length():
    with pytest.raises(ValueError, match="16 bytes"):
        hash_personal("x", salt=b"")
