"""The audit log as a page: who may see it, what an entry says, whether the chain holds."""

import re
from datetime import UTC, datetime

import pytest

from orgs.domain.actors import Actor, ActorKind
from orgs.domain.roles import Role
from orgs.models import AuditEvent
from orgs.services.audit_checkpoints import sign_checkpoints, trim_audit
from orgs.services.audit_erasure import erase_personal_values
from tests.factories.audit import database_now, note, sign_in_the_past, tamper
from tests.factories.orgs import (
    NOW,
    make_member,
    make_organization,
    make_team,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("offload_admin.urls")]
PAGE = "/o/acme/audit/"
ADDRESSES = [PAGE, f"{PAGE}log.csv", f"{PAGE}log.jsonl", f"{PAGE}verify_audit.py"]


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


def sentences(client, query="") -> list[str]:
    page = text_of(client.get(PAGE + query))
    found = re.findall(r'<p class="log-sentence">(.*?)</p>', page)
    return [re.sub(r"</?b>", "", sentence) for sentence in found]


# --- who -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_whoever_may_read_it_reads_it(client, enter, role, address):
    enter(role)
    answer = client.get(address)
    assert text_of(answer)
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("role", [Role.POLICY_ADMIN, Role.BILLING_MANAGER, Role.MEMBER])
def test_others_are_refused_and_find_no_link(client, enter, role, address):
    enter(role)
    assert client.get(address).status_code == 403
    assert "/o/acme/audit/" not in client.get("/o/acme/my/", follow=True).content.decode()


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_meet_nothing(client, acme, address):
    assert client.get(address).status_code == 302
    user = make_user("eve@other.example")
    make_member(make_organization("other").organization, user.email, role=Role.OWNER, user=user)
    client.force_login(user)
    assert client.get(address).status_code == 404


def test_another_organizations_entries_and_names_stay_there(client, acme, enter):
    enter()
    other = make_organization("other").organization
    stranger = make_member(other, "eve@other.example")
    make_team(other, "secret")
    note(acme, "member.added", target=("member", stranger.pk), diff={"role": [None, "owner"]})
    page = text_of(client.get(PAGE))
    assert "eve@other.example" not in page
    assert "Secret" not in page
    assert f"added #{stranger.pk} with the role Owner." in sentences(client)[0]
    assert "secret" not in text_of(client.get(f"{PAGE}log.csv"))
    assert "secret" not in text_of(client.get(f"{PAGE}log.jsonl"))


# --- what ----------------------------------------------------------------------------------------


def test_an_entry_says_who_when_why_from_where_and_what(client, acme, enter):
    mei = enter(Role.OWNER)
    actor = Actor(
        kind=ActorKind.USER,
        organization_id=acme.pk,
        member_id=mei.pk,
        role=Role.OWNER,
        address="203.0.113.7",
    )
    note(
        acme,
        "product.switched",
        actor=actor,
        at=datetime(2026, 11, 25, 8, 30, 0, 250_000, tzinfo=UTC),
        target=("product", "offload"),
        diff={"enabled": [True, False]},
        reason="A <b>quiet</b> month",
    )
    page = text_of(client.get(PAGE))
    assert sentences(client)[0] == "owner@people.example switched Docker Offload off."
    assert "A &lt;b&gt;quiet&lt;/b&gt; month" in page
    assert "203.0.113.7" in page
    assert 'title="2026-11-25T08:30:00.250000Z">08:30:00</time>' in page
    assert '<td class="log-was">On</td><td class="now">Off</td>' in page
    assert "Wed, 25 Nov 2026" in page
    assert bytes(AuditEvent.objects.latest("sequence").hash).hex() in page


def test_changes_through_pages_carry_their_address(client, acme, enter):
    enter(Role.OWNER)
    data = {
        "offload_enabled": "always_disabled",
        "gpu_enabled": "user_defined",
        "revision": "1",
        "reason": "Audit",
    }
    answer = client.post("/o/acme/policy/", data, REMOTE_ADDR="2001:db8::7")
    assert answer.status_code == 302, answer.content.decode()
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.actor_kind, event.reason) == ("policy.saved", "user", "Audit")
    assert event.personal_values.get(name="address").value == "2001:db8::7"
    assert "2001:db8::7" in text_of(client.get(PAGE))


def test_an_erased_person_is_named_nowhere(client, acme, enter):
    enter()
    member = make_member(acme, "hao@acme.example")
    actor = Actor(
        kind=ActorKind.USER,
        organization_id=acme.pk,
        member_id=member.pk,
        role=Role.MEMBER,
        address="198.51.100.9",
    )
    note(acme, "member.added", target=("member", member.pk), personal={"email": member.email})
    note(acme, "settings.chosen", actor=actor, target=("member", member.pk))
    member.email = "erased-1@acme.example"  # as erasing a person leaves it
    member.save()
    erase_personal_values(organization_id=acme.pk, member_id=member.pk, texts=["hao@acme.example"])
    page = text_of(client.get(PAGE))
    assert (
        sentences(client)[0] == "erased-1@acme.example chose settings for erased-1@acme.example."
    )
    for address in ADDRESSES[:3]:
        text = text_of(client.get(address))
        assert "hao@acme.example" not in text
        assert "198.51.100.9" not in text
    assert "erased</td>" in page
    assert "Verified: all 4 entries" in page


# --- the chain -----------------------------------------------------------------------------------


def test_the_chain_is_shown_with_its_checkpoint(client, acme, enter):
    enter()
    assert "within minutes" in text_of(client.get(PAGE))
    sign_checkpoints(at=datetime(2026, 11, 24, 2, 10, tzinfo=UTC))
    note(acme)
    page = text_of(client.get(PAGE))
    assert "Verified: all 3 entries, as they were written" in page
    assert "2026-11-24T02:10:00Z" in page
    assert "entry 2 ·" in page
    assert bytes(acme.audit_head.hash).hex() in page
    assert "This key is called 2c2f5f11b9be7aa0 for short." in page


def test_a_broken_chain_is_said(client, acme, enter):
    enter()
    note(acme)
    tamper("UPDATE orgs_auditevent SET reason = 'x' WHERE sequence = 2")
    page = text_of(client.get(PAGE))
    assert "The log does not hold at entry 2" in page
    assert "the entry was changed" in page
    assert "Verified" not in page


def test_a_fault_that_was_found_earlier_stays_said(client, acme, enter, monkeypatch):
    enter()
    tamper("UPDATE orgs_auditevent SET reason = 'x' WHERE sequence = 2")
    sign_checkpoints(at=NOW)
    monkeypatch.setattr("orgs.selectors.audit_state.TAIL_EVENTS", 0)
    assert "The log does not hold at entry 2" in text_of(client.get(PAGE))


def test_a_long_tail_waits_for_the_daily_look(client, acme, enter, monkeypatch):
    enter()
    sign_checkpoints(at=NOW)
    for _ in range(3):
        note(acme)
    monkeypatch.setattr("orgs.selectors.audit_state.TAIL_EVENTS", 2)
    page = text_of(client.get(PAGE))
    assert "Verified up to entry 2" in page
    assert "3 newer entries wait for the next time." in page


def test_a_log_that_was_cut_says_where_it_begins(client, acme, enter):
    enter()
    note(acme)
    sign_in_the_past(acme, 2)
    trim_audit(organization_id=acme.pk, at=database_now())
    page = text_of(client.get(PAGE))
    assert "Verified: 1 entry, as it was written" in page
    assert "First entry kept" in page
