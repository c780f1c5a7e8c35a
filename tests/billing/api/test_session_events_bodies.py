"""Bodies of `POST /api/v1/session-events`: media types, limits, gzip, JSON that is none."""

import gzip
import json

import pytest

from tests.billing.api.metering import BATCH, SINGLE, event, problem, stored, verdicts

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "content_type",
    [
        BATCH,
        f"{BATCH}; charset=utf-8",
        f"{BATCH};charset=UTF-8",
        "Application/CloudEvents-Batch+JSON",
    ],
)
def test_media_types_that_are_taken(post, content_type):
    assert post([event()], content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "*/*"],
)
def test_other_media_types_are_415(post, content_type):
    assert problem(post([event()], content_type=content_type)) == (415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings_are_415(post, encoding):
    response = post([event()], **{"Content-Encoding": encoding})
    assert problem(response) == (415, "unsupported_encoding")


UNREADABLE = [
    b"",
    b" ",
    b"{",
    b"[",
    b"nonsense",
    b"[1,]",
    b"[[[[",
    b"[" * 100_000,
    b"]" * 100_000,
    b'{"a":' * 50_000,
    b"[" * 9 + b"]" * 8,
    b'["\\"',
    b"\xef\xbb\xbf[]",
    "[]".encode("utf-16"),
    b"[]\x00",
    b"[] []",
    b"NaN",
    b"[NaN]",
    b"{}",
    b'"text"',
    b"7",
    b"null",
    b"\x1f\x8b",
]


def test_a_body_that_is_no_batch_is_400(post):
    for body in UNREADABLE:
        assert problem(post(body))[0] == 400, body[:12]
    assert stored() == 0


def test_a_body_that_is_not_one_value_is_400(post):
    for body in (b"", b"{", b"1,2", b"{},", b"],[", b"{}{}", b"\xff"):
        assert problem(post(body, content_type=SINGLE))[0] == 400, body


def test_a_single_value_that_is_no_event_is_rejected(post):
    for body in (b"1", b"null", b"[]", b"{}", b'"x"', b"true"):
        assert verdicts(post(body, content_type=SINGLE)) == [(0, "rejected", "invalid_event")]
    assert post(b"1e999", content_type=SINGLE).status_code in {207, 400}
    assert stored() == 0


def nested(depth: int) -> dict:
    value: object = 1
    for _ in range(depth - 2):  # the batch and the event are two
        value = [value]
    return event() | {"extension": value}


def test_depth_8_is_taken_and_depth_9_is_413(post):
    assert post([nested(8)]).status_code == 200
    assert problem(post([event(), nested(9)])) == (413, "too_deep")
    assert problem(post(b"[" * 9 + b"]" * 9)) == (413, "too_deep")
    assert post([event(id='[[[[[[[[[[{{{{ \\" "[[[[[[[[[[[')]).status_code == 200
    assert stored() == 2


def test_1_000_events_are_taken_and_1_001_are_413(post):
    assert post([event() for _ in range(1_000)]).json()["accepted"] == 1_000
    assert problem(post([event() for _ in range(1_001)])) == (413, "too_many_events")
    assert problem(post([1] * 1_001)) == (413, "too_many_events")
    assert stored() == 1_000


@pytest.mark.parametrize("name", ["id", "source"])
def test_names_of_256_characters_are_taken_and_of_257_are_413(post, name):
    assert post([event(**{name: "é" * 256})]).status_code == 200
    assert problem(post([event(), event(**{name: "é" * 257})])) == (413, "name_too_long")
    assert stored() == 1


def test_100_organizations_are_taken_and_101_are_413(post):
    batch = [event(organization=f"o{n}") for n in range(100)]
    assert post(batch).status_code == 207
    assert problem(post([*batch, event()])) == (413, "too_many_organizations")


def test_a_body_of_10_mb_is_413(post):
    body = b"[" + b" " * 10_000_000 + b"]"
    assert problem(post(body)) == (413, "body_too_large")
    response = post(gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert (response.status_code, response.json()["accepted"]) == (200, 0)


def test_5_mb_are_taken_and_a_byte_more_is_not(post):
    limit = 5 * 1024 * 1024
    body = json.dumps([event()]).encode()
    assert post(body.ljust(limit)).status_code == 200
    assert problem(post(body.ljust(limit + 1))) == (413, "body_too_large")


ZIPPED = {"Content-Encoding": "gzip"}


def test_gzip_of_one_and_of_many_members(post):
    body = json.dumps([event(), event()]).encode()
    assert post(gzip.compress(body), **ZIPPED).json()["accepted"] == 2
    body = json.dumps([event(), event()]).encode()
    members = b"".join(gzip.compress(body[n : n + 50]) for n in range(0, len(body), 50))
    assert post(members, **ZIPPED).json()["accepted"] == 2
    assert post(gzip.compress(b"[]"), **{"Content-Encoding": " GZIP "}).status_code == 200


@pytest.mark.parametrize("cut", [1, 5, 9, 12, -9, -8, -4, -1])
def test_gzip_cut_short_is_400(post, cut):
    body = gzip.compress(json.dumps([event()]).encode())[:cut]
    assert problem(post(body, **ZIPPED)) == (400, "malformed_gzip")


def test_gzip_that_is_none_or_has_rubbish_behind_it_is_400(post):
    good = gzip.compress(json.dumps([event()]).encode())
    for body in (b"[]", b"\x00" * 50, good + b"rubbish", good[:-8] + b"\x00" * 8):
        assert problem(post(body, **ZIPPED)) == (400, "malformed_gzip")
    assert stored() == 0


def test_gzip_bombs_are_413_and_cheap(post):
    bomb = gzip.compress(b"[" + b" " * 60_000_000 + b"]", compresslevel=1)
    assert len(bomb) < 5 * 1024 * 1024
    assert problem(post(bomb, **ZIPPED)) == (413, "body_too_large")
    twenty = gzip.compress(b"[" + b" " * (20 * 1024 * 1024 - 2) + b"]")
    assert post(twenty, **ZIPPED).status_code == 200
    # 50,000 empty members: their cost must not be the square of their number
    assert problem(post(gzip.compress(b"") * 50_000, **ZIPPED))[0] == 400


def test_a_body_whose_length_is_not_told_is_411_and_not_taken_for_an_empty_one(post):
    response = post([event()], **{"Transfer-Encoding": "chunked"})
    assert problem(response) == (411, "length_required")
