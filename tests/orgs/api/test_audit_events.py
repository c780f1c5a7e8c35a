"""`/organizations/{slug}/audit-events`: rights, filters, pages, what is refused, files."""

import csv
import io
from datetime import timedelta

import pytest

from clients.verify_audit import verify
from orgs.access.tokens import find_token_actor
from orgs.domain.actors import Actor, ActorKind
from orgs.domain.roles import Role, Scope
from orgs.models import AuditPersonalValue
from tests.factories.audit import note
from tests.factories.orgs import NOW, make_member, make_organization, make_token, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]
LIST = "/api/v1/organizations/acme/audit-events"
ADDRESSES = [LIST, f"{LIST}.csv", f"{LIST}.jsonl"]
DAY = timedelta(days=1)


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return make_member(acme, "mei@acme.example")


@pytest.fixture
def ask(client, acme):
    """Entry 3 is the token that asks."""
    text = make_token(acme, Scope.AUDIT_READ).text

    def get(query="", address=LIST, **headers):
        return client.get(address + query, headers={"Authorization": f"Bearer {text}", **headers})

    return get


def sequences(answer) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["sequence"] for row in answer.json()["results"]]


# --- who -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.DESKTOP])
def test_a_token_needs_the_scope(client, acme, address, scope):
    text = make_token(acme, scope).text
    answer = client.get(address, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == (200 if scope is Scope.AUDIT_READ else 403)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.TEAM_LEAD])
def test_a_member_needs_the_role_and_so_does_their_token(client, acme, address, role):
    user = make_user("ann@acme.example")
    member = make_member(acme, user.email, role=role, user=user)
    wanted = 200 if role in {Role.OWNER, Role.AUDITOR} else 403
    text = make_token(acme, Scope.AUDIT_READ, member=member).text
    by_token = client.get(address, headers={"Authorization": f"Bearer {text}"})
    assert by_token.status_code == wanted
    client.force_login(user)
    assert client.get(address).status_code == wanted


@pytest.mark.parametrize("address", ADDRESSES)
def test_others_meet_nothing(client, acme, address):
    assert client.get(address).status_code == 401
    text = make_token(make_organization("other").organization, Scope.AUDIT_READ).text
    answer = client.get(address, headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("address", ADDRESSES)
def test_it_is_read_only(client, ask, address, acme):
    text = make_token(acme, Scope.AUDIT_READ).text
    for method in (client.post, client.put, client.patch, client.delete):
        assert method(address, headers={"Authorization": f"Bearer {text}"}).status_code == 405


# --- what ----------------------------------------------------------------------------------------


def test_an_entry_says_everything(acme, mei, ask):
    user = Actor(
        kind=ActorKind.USER,
        organization_id=acme.pk,
        member_id=mei.pk,
        role=Role.OWNER,
        address="203.0.113.7",
    )
    event = note(
        acme,
        "member.added",
        actor=user,
        target=("member", mei.pk),
        diff={"role": [None, "auditor"]},
        personal={"email": "mei@acme.example"},
        reason="审计",
        at=NOW + DAY,
    )
    entry = ask(**{"Accept-Language": "en"}).json()["results"][0]
    assert entry == {
        "sequence": 4,
        "at": "2026-11-25T09:00:00Z",
        "action": "member.added",
        "sentence": "mei@acme.example added mei@acme.example with the role Auditor.",
        "actor": {
            "kind": "user",
            "name": "mei@acme.example",
            "member_id": mei.pk,
            "token_id": None,
            "label": "",
        },
        "target": {"kind": "member", "id": str(mei.pk), "name": "mei@acme.example"},
        "diff": {"role": [None, "auditor"]},
        "reason": "审计",
        "address": "203.0.113.7",
        "personal": {"email": "mei@acme.example"},
        "previous_hash": bytes(event.previous_hash).hex(),
        "hash": bytes(event.hash).hex(),
    }
    chinese = ask(**{"Accept-Language": "zh-Hans"}).json()["results"][0]
    assert chinese["sentence"].startswith("mei@acme.example 添加了 mei@acme.example，角色为")


def test_what_was_erased_is_null(acme, ask):
    note(acme, personal={"email": "mei@acme.example"})
    AuditPersonalValue.objects.all().delete()
    entry = ask().json()["results"][0]
    assert entry["personal"] == {"email": None}
    assert entry["address"] is None


def test_pages_go_down_the_chain(acme, ask, client):
    for _ in range(5):
        note(acme)
    first = ask("?page_size=3")
    assert sequences(first) == [8, 7, 6]
    note(acme)
    second = ask(address=first.json()["next"])
    assert sequences(second) == [5, 4, 3]
    third = ask(address=second.json()["next"])
    assert (sequences(third), third.json()["next"]) == ([2, 1], None)


def test_a_page_costs_a_fixed_number_of_queries(acme, mei, ask, django_assert_num_queries):
    for number in range(20):
        note(acme, "member.added", target=("member", mei.pk), diff={"member_id": [None, number]})
    # token, its last use, organization; events, personal values, names of organization,
    # members and tokens
    with django_assert_num_queries(8):
        ask()


# --- filters -------------------------------------------------------------------------------------


@pytest.fixture
def busy(acme, mei, ask):
    user = Actor(kind=ActorKind.USER, organization_id=acme.pk, member_id=mei.pk, role=Role.MEMBER)
    note(acme, "settings.chosen", actor=user, target=("member", mei.pk), at=NOW + DAY)  # 4
    note(acme, "team.created", target=("team", 7), reason="新团队", at=NOW + 2 * DAY)  # 5
    note(acme, "policy.saved", target=("team", 8), at=NOW + 3 * DAY)  # 6


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("?actor=mei", [4]),
        ("?actor_kind=user", [4]),
        ("?group=teams", [5]),
        ("?action=team.created", [5]),
        ("?target_kind=team", [6, 5]),
        ("?target_kind=team&target_id=8", [6]),
        ("?text=新团队", [5]),
        ("?from=2026-11-26", [6, 5]),
        ("?to=2026-11-25", [4, 3, 2, 1]),
        ("?from=2026-11-25T09:00:00Z&to=2026-11-26T09:00:00Z", [4]),
        ("?from=2026-11-25T17:00:00.000001%2B08:00&to=2026-11-27T09:00:00Z", [5]),
        ("?group=teams&actor_kind=user", []),
    ],
)
def test_the_filter_leaves_these(ask, busy, query, left):
    assert sequences(ask(query)) == left
    rows = csv.DictReader(io.StringIO(ask(query, f"{LIST}.csv").getvalue().decode()))
    assert [int(row["sequence"]) for row in rows] == left[::-1]


@pytest.mark.parametrize("address", [LIST, f"{LIST}.csv"])
@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("?actor_kind=king", ["actor_kind"]),
        ("?actor_kind=", None),
        ("?group=everything", ["group"]),
        ("?action=team.destroyed", ["action"]),
        ("?target_kind=planet", ["target_kind"]),
        ("?target_id=5", ["target_id"]),
        ("?from=yesterday", ["from"]),
        ("?from=2026-02-30", ["from"]),
        ("?to=2026-11-24T09:00:00", ["to"]),
        ("?from=1066-10-14", ["from"]),
        ("?from=2026-11-26&to=2026-11-25", ["to"]),
        ("?text=" + "x" * 255, ["text"]),
        ("?actor=%00", ["actor"]),
        ("?from=x&group=y&target_id=z", ["from", "group", "target_id"]),
    ],
)
def test_a_bad_filter_is_refused_with_every_mistake(ask, address, query, pointers):
    answer = ask(query, address)
    if pointers is None:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == pointers


@pytest.mark.parametrize("query", ["?cursor=x", "?page_size=0", "?page_size=1001"])
def test_a_bad_page_is_refused(ask, query):
    assert ask(query).status_code == 400


# --- files ---------------------------------------------------------------------------------------


def test_the_file_proves_itself(ask, busy):
    answer = ask("?from=2026-11-25&to=2026-11-26", f"{LIST}.jsonl")
    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    found = verify(io.BytesIO(answer.getvalue()))
    assert (found.slug, found.first, found.last) == ("acme", 4, 5)
    whole = verify(io.BytesIO(ask(address=f"{LIST}.jsonl").getvalue()))
    assert (whole.first, whole.last) == (1, 6)


@pytest.mark.parametrize("query", ["?group=teams", "?text=x", "?actor=mei&to=2026-11-26"])
def test_the_file_has_no_holes(ask, busy, query):
    answer = ask(query, f"{LIST}.jsonl")
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [query[1:].partition("=")[0]]


def test_accept_does_not_decide_the_form(ask):
    assert ask(address=f"{LIST}.csv", Accept="text/csv").status_code == 200
    assert ask(address=f"{LIST}.jsonl", Accept="application/jsonl").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "meta", "address"),
    [
        (0, {}, "203.0.113.7"),
        (0, {"HTTP_X_FORWARDED_FOR": "10.0.0.1"}, "203.0.113.7"),
        (1, {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.9"}, "198.51.100.9"),
        (1, {}, "203.0.113.7"),
        (2, {"HTTP_X_FORWARDED_FOR": "198.51.100.9"}, None),
        (0, {"REMOTE_ADDR": ""}, None),
        (0, {"REMOTE_ADDR": "2001:db8::7"}, "2001:db8::7"),
    ],
)
def test_a_change_by_token_knows_where_it_came_from(rf, acme, settings, proxies, meta, address):
    """The peer, or what our own proxies saw; never what a caller wrote."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    text = make_token(acme, Scope.AUDIT_READ).text
    request = rf.get(
        LIST,
        headers={"Authorization": f"Bearer {text}"},
        **({"REMOTE_ADDR": "203.0.113.7"} | meta),
    )
    assert find_token_actor(request).address == address
