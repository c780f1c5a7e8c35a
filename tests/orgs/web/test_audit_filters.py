"""What the filters of the audit log leave, page by page and in its files; in few queries."""

import csv
import io
import re
from datetime import timedelta

import pytest

from clients.verify_audit import verify
from orgs.domain.actors import Actor, ActorKind
from orgs.domain.roles import Role, Scope
from orgs.models import AuditEvent
from orgs.services.audit_checkpoints import sign_checkpoints
from tests.factories.audit import database_now, note
from tests.factories.orgs import (
    NOW,
    make_member,
    make_organization,
    make_team,
    make_token,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("offload_admin.urls")]
PAGE = "/o/acme/audit/"


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def enter(client, acme):
    def sign_in(role: Role = Role.AUDITOR):
        user = make_user(f"{role.value}@people.example", locale="en")
        client.force_login(user)
        return make_member(acme, user.email, role=role, user=user)

    return sign_in


def text_of(answer) -> str:
    assert answer.status_code == 200
    body = answer.getvalue() if answer.streaming else answer.content
    return body.decode()


@pytest.fixture
def busy(acme, enter):
    """Entries 3 to 8, on three days, by four kinds of actor."""
    mei = make_member(acme, "mei@acme.example")
    mei.name = "王美"
    mei.save()
    team = make_team(acme, "backend")  # 3
    token = make_token(acme, Scope.AUDIT_READ).token  # 4
    token.name = "Nightly 100%"
    token.save()
    user = Actor(
        kind=ActorKind.USER,
        organization_id=acme.pk,
        member_id=mei.pk,
        role=Role.MEMBER,
        address="203.0.113.7",
    )
    by_token = Actor(
        kind=ActorKind.TOKEN,
        organization_id=acme.pk,
        token_id=token.pk,
        scopes=frozenset({Scope.AUDIT_READ}),
    )
    day = timedelta(days=1)
    note(acme, "settings.chosen", actor=user, target=("member", mei.pk), at=NOW + day)  # 5
    note(
        acme,
        "product.switched",
        actor=by_token,
        target=("product", "hub"),
        diff={"enabled": [True, False]},
        reason="Costs 100% too much",
        at=NOW + 2 * day,
    )  # 6
    note(
        acme,
        "member.added",
        target=("member", mei.pk),
        diff={"role": [None, "member"]},
        personal={"email": "mei@acme.example"},
        at=NOW + 2 * day,
    )  # 7
    note(
        acme,
        "policy.saved",
        target=("team", team.pk),
        diff={"revision": [0, 2], "idle_timeout_seconds.maximum": [None, 1800]},
        at=NOW + 3 * day,
    )  # 8
    enter()
    return acme


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?actor=王", [5]),
        ("?actor=MEI@", [5]),
        ("?actor=nightly", [6]),
        ("?actor=%25", [6]),
        ("?actor=nobody", []),
        ("?kind=user", [5]),
        ("?kind=token", [6]),
        ("?kind=operator", [8, 7, 4, 3, 2, 1]),
        ("?kind=scim", []),
        ("?kind=king", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?group=members", [7, 2]),
        ("?group=billing", []),
        ("?target=team", [8, 3]),
        ("?target=product", [6]),
        ("?from=2026-11-26", [8, 7, 6]),
        ("?to=2026-11-25", [5, 4, 3, 2, 1]),
        ("?from=2026-11-25&to=2026-11-25", [5]),
        ("?from=yesterday&to=9999-12-31", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?text=too+much", [6]),
        ("?text=100%25", [6]),
        ("?text=idle_timeout", [8]),
        ("?text=1800", [8]),
        ("?text=203.0.113", [5]),
        ("?text=mei@acme", [7]),
        ("?text=SWITCHED", [6]),
        ("?text=%00", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?kind=operator&group=members&from=2026-11-26", [7]),
        ("?before=3", [2, 1]),
        ("?before=1", []),
        ("?before=x", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("?before=9999999999999999999", [8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_the_filter_leaves_these(client, busy, query, left):
    page = text_of(client.get(PAGE + query))
    assert [int(number) for number in re.findall(r'id="entry-(\d+)"', page)] == left
    if "before" not in query:
        rows = csv.DictReader(io.StringIO(text_of(client.get(f"{PAGE}log.csv{query}"))))
        assert [int(row["sequence"]) for row in rows] == left[::-1]


def test_nothing_and_nothing_that_matches_differ(client, busy):
    assert "No entry matches" in text_of(client.get(f"{PAGE}?text=zzz"))
    assert "There is nothing older" in text_of(client.get(f"{PAGE}?before=1"))


def test_a_page_ends_and_the_next_goes_on_behind_it(client, acme, enter):
    enter()
    for _ in range(60):
        note(acme)
    page = text_of(client.get(PAGE))
    found = re.findall(r'id="entry-(\d+)"', page)
    assert (found[0], found[-1], len(found)) == ("62", "13", 50)
    assert 'href="?before=13"' in page
    note(acme)  # what comes meanwhile moves nothing
    page = text_of(client.get(f"{PAGE}?before=13&kind=operator"))
    assert re.findall(r'id="entry-(\d+)"', page) == [str(number) for number in range(12, 0, -1)]
    assert 'href="?kind=operator"' in page
    assert "Older entries" not in page


def test_a_full_page_costs_so_many_queries(client, busy, django_assert_num_queries):
    sign_checkpoints(at=database_now())
    for number in range(60):
        note(busy, "member.added", target=("member", number), diff={"member_id": [None, number]})
    client.get(PAGE)
    # sign-in 3, organizations 1; events 2, names 3; checkpoint, verification, head 3, first 1,
    # the newest part of the chain 5
    with django_assert_num_queries(18):
        assert client.get(PAGE).status_code == 200


def test_the_file_proves_itself_for_the_days_of_the_filter(client, busy):
    answer = client.get(f"{PAGE}log.jsonl?from=2026-11-25&to=2026-11-26&kind=user")
    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="acme-audit-\d{4}-\d\d-\d\d\.jsonl"', answer["Content-Disposition"]
    )
    found = verify(io.BytesIO(answer.getvalue()))
    assert (found.first, found.last) == (5, 7)


def test_the_table_is_for_spreadsheets(client, busy):
    note(busy, "policy.saved", target=("organization", busy.pk), reason="=1+1")
    answer = client.get(f"{PAGE}log.csv?from=2026-11-26")
    assert answer["Content-Type"] == "text/csv; charset=utf-8; header=present"
    first, *_ = csv.DictReader(io.StringIO(text_of(answer)))
    event = AuditEvent.objects.get(sequence=6)
    assert first == {
        "sequence": "6",
        "at": "2026-11-26T09:00:00Z",
        "actor_kind": "token",
        "actor": "Token Nightly 100%",
        "action": "product.switched",
        "sentence": "Token Nightly 100% switched Docker Hub off.",
        "target_kind": "product",
        "target_id": "hub",
        "target": "Docker Hub",
        "changes": '{"enabled": [true, false]}',
        "reason": "Costs 100% too much",
        "address": "",
        "hash": bytes(event.hash).hex(),
    }
    assert "'=1+1" in text_of(client.get(f"{PAGE}log.csv?to=2026-11-24&group=policy"))


def test_the_verifier_is_the_one_of_the_project(client, enter):
    enter()
    answer = client.get(f"{PAGE}verify_audit.py")
    assert answer["Content-Disposition"] == 'attachment; filename="verify_audit.py"'
    assert answer.getvalue().startswith(b"#!/usr/bin/env python3\n")
