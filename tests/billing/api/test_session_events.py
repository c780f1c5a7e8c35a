"""`POST /api/v1/session-events` by its contract: statuses, counts, and a verdict by index."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from billing.services.cutoff import database_now
from orgs.domain.roles import Scope
from tests.billing.api.metering import (
    BATCH,
    SINGLE,
    URL,
    event,
    now_text,
    problem,
    stored,
    verdicts,
)
from tests.billing.services.threads import rows
from tests.factories.orgs import make_member, make_token
from tests.factories.usage import make_customer

pytestmark = pytest.mark.django_db


def test_a_single_event(post):
    response = post(event(), content_type=SINGLE)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == {
        "accepted": 1, "duplicates": 0, "conflicts": 0, "rejected": 0, "results": []
    }  # fmt: skip
    assert stored() == 1


def test_a_batch_and_the_same_again(post):
    batch = [event(id="a"), event(id="b", type="offload.session.idle")]
    assert post(batch).status_code == 200
    again = post(batch)
    assert again.status_code == 200
    assert again.json() == {
        "accepted": 0,
        "duplicates": 2,
        "conflicts": 0,
        "rejected": 0,
        "results": [
            {"index": 0, "id": "a", "status": "duplicate"},
            {"index": 1, "id": "b", "status": "duplicate"},
        ],
    }


def test_every_verdict_stands_at_its_index_in_order(post):
    known = event(id="known")
    post([known])
    batch = [
        event(),
        known,
        known | {"type": "offload.session.ended"},
        event(subject="ghost@acme.example"),
        17,
        event(),
        event(time="yesterday"),
    ]
    response = post(batch)
    assert response.status_code == 207
    assert verdicts(response) == [
        (1, "duplicate", None),
        (2, "conflict", "identity_conflict"),
        (3, "rejected", "unknown_member"),
        (4, "rejected", "invalid_event"),
        (6, "rejected", "invalid_time"),
    ]
    document = response.json()
    assert [document[key] for key in ("accepted", "duplicates", "conflicts", "rejected")] == [
        2, 1, 1, 3
    ]  # fmt: skip
    assert [result["id"] for result in document["results"]] == [
        "known", "known", batch[3]["id"], "", batch[6]["id"]
    ]  # fmt: skip
    assert all(
        result["detail"] for result in document["results"] if result["status"] != "duplicate"
    )
    assert stored() == 3


def test_an_empty_batch_is_well(post):
    response = post([])
    assert (response.status_code, response.json()["accepted"]) == (200, 0)


def test_a_single_event_that_is_rejected_is_207(post):
    assert post(event(machine="cray-1"), content_type=SINGLE).status_code == 207


WRONG = {
    "no time": event() | {"time": None},
    "number as id": event(id=5),
    "empty id": event(id=""),
    "empty source": event(source=""),
    "empty subject": event(subject=""),
    "empty machine": event(machine=""),
    "list as subject": event(subject=["dev@acme.example"]),
    "text as timeout": event(idle_timeout_seconds="300"),
    "fraction as timeout": event(idle_timeout_seconds=300.5),
    "truth as timeout": event(idle_timeout_seconds=True),
    "huge timeout": event(idle_timeout_seconds=10**30),
    "null data": event(data=None),
    "text as data": event(data="organization=acme"),
    "long subject": event(subject="s" * 257),
    "long organization": event(organization="o" * 257),
    "specversion": event(specversion="0.3"),
    "type": event(type="offload.session.paused"),
    "type of another service": event(type="active"),
    "a list": [event()],
    "null": None,
    "truth": True,
}


def test_what_is_no_event_is_rejected_and_its_neighbours_kept(post):
    for name, wrong in WRONG.items():
        response = post([event(), wrong, event()])
        assert response.status_code == 207, name
        (verdict,) = response.json()["results"]
        assert (verdict["index"], verdict["status"]) == (1, "rejected"), name
        assert verdict["detail"]
        if isinstance(wrong, dict) and isinstance(wrong["id"], str):
            assert verdict["id"] == wrong["id"]
    assert stored() == 2 * len(WRONG)


def test_a_missing_attribute_is_rejected(post):
    for missing in ("specversion", "id", "source", "type", "time", "subject", "data"):
        wrong = event()
        del wrong[missing]
        assert verdicts(post([wrong, event()])) == [(0, "rejected", "invalid_event")]


BAD_TEXTS = [b"\\ud800", b"x\\udfffy", b"a\\u0000b", b"\xff\xfe", b"\xed\xa0\x80"]


@pytest.mark.parametrize("field", ["id", "source", "subject", "organization", "machine", "type"])
def test_lone_surrogates_nul_and_broken_utf_8_are_that_events_rejection(post, field):
    for text in BAD_TEXTS:
        check_bad_text(post, field, text, before=stored())


def check_bad_text(post, field: str, text: bytes, *, before: int) -> None:
    wrong = json.dumps(event(**{field: "MARK"})).encode().replace(b"MARK", text)
    body = b"[" + json.dumps(event()).encode() + b"," + wrong + b"]"
    response = post(body)
    if text.startswith((b"\xff", b"\xed")) and response.status_code == 400:
        assert stored() == before  # not UTF-8 is not JSON: the envelope itself can't be read
        return
    assert response.status_code == 207
    assert [verdict[:2] for verdict in verdicts(response)] == [(1, "rejected")]
    response.content.decode("utf-8")
    assert stored() == before + 1


@pytest.mark.parametrize(
    "place",
    [
        ('"idle_timeout_seconds": 300', '"idle_timeout_seconds": "\\ud800"'),
        ('"idle_timeout_seconds": 300', '"idle_timeout_seconds": 300, "\\ud800": 1'),
        ('"specversion"', '"\\udfff": 1, "specversion"'),
        ('"specversion": "1.0"', '"specversion": {"\\ud800": 1}'),
    ],
)
def test_a_lone_surrogate_where_no_text_belongs_is_that_events_rejection(post, place):
    wrong = json.dumps(event()).replace(*place)
    assert "\\ud" in wrong
    response = post(f"[{json.dumps(event())},{wrong}]".encode())
    assert response.status_code == 207
    assert [verdict[:2] for verdict in verdicts(response)] == [(1, "rejected")]
    assert stored() == 1


@pytest.mark.parametrize("item", ['"\\ud800"', '{"data": "\\ud800"}', '[{"\\ud800": 1}]'])
def test_a_lone_surrogate_instead_of_an_event_is_a_rejection(post, item):
    response = post(f"[{json.dumps(event())},{item}]".encode())
    assert response.status_code == 207
    assert [verdict[:2] for verdict in verdicts(response)] == [(1, "rejected")]
    assert stored() == 1


def test_other_texts_are_taken_as_they_are(post):
    names = [
        "é",
        "事件",
        "\U0001f680",
        "'; DROP TABLE x; --",
        "%s",
        '"\\',
        "\x01\x7f",
        "{1,2}",
        "\t",
    ]
    assert post([event(id=name, source=name) for name in names]).json()["accepted"] == len(names)
    found = rows("SELECT event_id, source FROM billing_sessionevent")
    assert sorted(found) == sorted((name, name) for name in names)


def taken_time(post, text: str) -> datetime | None:
    response = post([event(time=text)])
    if response.status_code == 207:
        assert verdicts(response) in (
            [(0, "rejected", "invalid_time")],
            [(0, "rejected", "time_too_old")],
            [(0, "rejected", "time_in_the_future")],
        )
        return None
    return rows("SELECT max(occurred_at) FROM billing_sessionevent")[0][0]


def test_times_in_every_way_rfc_3339_allows(post):
    day = (database_now() - timedelta(days=2)).date()
    ten = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    for text, since_ten in {
        f"{day}T10:00:00Z": timedelta(),
        f"{day}t10:00:01z": timedelta(seconds=1),
        f"{day} 10:00:02Z": timedelta(seconds=2),
        f"{day}T18:00:03+08:00": timedelta(seconds=3),
        f"{day}T00:30:04-09:30": timedelta(seconds=4),
        f"{day}T10:00:05-00:00": timedelta(seconds=5),
        f"{day}T10:00:06.5Z": timedelta(seconds=6, milliseconds=500),
        f"{day}T10:00:07.123456Z": timedelta(seconds=7, microseconds=123_456),
        f"{day}T10:00:08.123456999Z": timedelta(seconds=8, microseconds=123_456),
        f"{day}T10:00:09.{'9' * 40}Z": timedelta(seconds=9, microseconds=999_999),
    }.items():
        assert taken_time(post, text) == ten + since_ten, text


def test_a_fraction_cut_off_makes_the_same_event(post):
    same = event(time=now_text(hours=2)[:19] + ".123456Z")
    post([same])
    again = post([same | {"time": same["time"][:-1] + "789Z"}])
    assert verdicts(again) == [(0, "duplicate", None)]


NO_TIMES = [
    "2026-11-23T10:00:00",
    "2026-11-23",
    "2026-11-23T10:00Z",
    "2026-11-23T10:00:60Z",
    "2016-12-31T23:59:60Z",
    "2026-11-23T24:00:00Z",
    "2026-02-30T10:00:00Z",
    "2026-11-23T10:00:00.Z",
    "2026-11-23T10:00:00,5Z",
    "2026-11-23T10:00:00+25:00",
    "2026-11-23T10:00:00+0800",
    "2026-11-23T10:00:00 Z",
    "\uff12\uff10\uff12\uff16-11-23T10:00:00Z",
    "0001-01-01T00:00:00+12:00",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999-12:00",
    "-2026-11-23T10:00:00Z",
    "1700000000",
    "",
    "now",
    "2026-W48-1T10:00:00Z",
    "2026-11-23T10:00:00Z\n",
]


def test_times_that_are_none_or_out_of_bounds(post):
    for text in NO_TIMES:
        assert taken_time(post, text) is None, text


def test_events_of_another_organization_are_unknown(post):
    make_customer("beta")
    wrong = event(organization="beta", subject="dev@beta.example")
    assert verdicts(post([event(), wrong])) == [(1, "rejected", "unknown_organization")]
    assert verdicts(post([event(organization="gamma")])) == [
        (0, "rejected", "unknown_organization")
    ]


def test_a_token_for_all_organizations(post):
    make_customer("beta")
    everywhere = make_token(None, Scope.METERING_WRITE).text
    batch = [event(), event(organization="beta", subject="dev@beta.example")]
    assert post(batch, bearer=everywhere).json()["accepted"] == 2


def test_a_token_bound_to_a_source_prefix(post):
    bound = make_token(None, Scope.METERING_WRITE, source_prefix="/runners/eu-").text
    response = post([event(), event(source="/runners/us-1")], bearer=bound)
    assert verdicts(response) == [(1, "rejected", "source_not_allowed")]


def test_a_member_of_another_case_and_by_id(post, acme):
    member = make_member(acme.organization, "Li.Na@acme.example")
    batch = [event(subject="LI.NA@ACME.EXAMPLE"), event(subject=str(member.pk))]
    assert post(batch).json()["accepted"] == 2


@pytest.mark.parametrize("bearer", ["", "nonsense", "ofm_", "ofm_" + "x" * 50, "é", "ofm_a b"])
def test_a_bad_token_is_401(post, bearer):
    response = post([event()], bearer=bearer)
    assert problem(response)[0] == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert stored() == 0


def test_no_token_is_401_even_for_a_signed_in_browser(client, acme):
    client.force_login(acme.organization.members.get(role="owner").user)
    response = client.post(URL, data=b"[]", content_type=BATCH)
    assert problem(response) == (401, "not_authenticated")


def test_a_token_without_the_scope_is_403(post, acme):
    owner = acme.organization.members.get(role="owner")
    reader = make_token(acme.organization, Scope.USAGE_READ, member=owner).text
    assert problem(post([event()], bearer=reader)) == (403, "insufficient_scope")


def test_an_expired_token_is_401(post, acme):
    made = datetime.now(UTC) - timedelta(days=2)
    old = make_token(
        acme.organization, Scope.METERING_WRITE, lifetime=timedelta(days=1), made_at=made
    ).text
    assert problem(post([event()], bearer=old)) == (401, "token_expired")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_405(client, token, method):
    response = getattr(client, method)(URL, headers={"Authorization": f"Bearer {token}"})
    assert problem(response) == (405, "method_not_allowed")
    assert response["Allow"] == "POST"


def test_the_last_of_twin_keys_counts_and_unknown_attributes_are_ignored(post):
    body = json.dumps(event(id="first") | {"traceparent": "00-x", "extra": {"deep": [1]}})
    body = body.replace('"id": "first"', '"id": "first", "id": "second"')
    assert post(b"[" + body.encode() + b"]").json()["accepted"] == 1
    assert rows("SELECT event_id FROM billing_sessionevent") == [("second",)]
