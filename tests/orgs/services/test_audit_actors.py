"""Who stands in the log: support with a reason, addresses beside the chain, no-ops never."""

import pytest
from django.db import IntegrityError, connection, transaction

from orgs.domain.actors import Actor, ActorKind, support
from orgs.domain.audit import AuditEntry
from orgs.domain.policy_documents import read_rules
from orgs.domain.products import Product
from orgs.domain.rules import Setting, SpendingState
from orgs.models import AuditEvent, AuditHead, AuditPersonalValue
from orgs.selectors.audit import verify_chain
from orgs.selectors.policies import get_policy
from orgs.services.audit import ReasonMissing, append_audit, recording
from orgs.services.audit_erasure import erase_personal_values
from orgs.services.choices import choose
from orgs.services.members import ensure_members
from orgs.services.policies import save_policy
from orgs.services.products import switch_product
from orgs.services.spending import set_spending_state
from orgs.services.teams import assign_primary_teams, ensure_teams
from orgs.services.tokens import revoke_token
from tests.factories.audit import note
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization

pytestmark = pytest.mark.django_db
STAFF = support(staff_id=5, address="198.51.100.9")


@pytest.fixture
def acme():
    return make_organization("acme").organization


def test_support_acts_with_a_reason(acme):
    event = note(acme, actor=STAFF, reason="Ticket 17")
    assert (event.actor_kind, event.actor_label, event.reason) == (
        ActorKind.SUPPORT,
        "staff 5",
        "Ticket 17",
    )
    assert verify_chain(organization_id=acme.pk) == []


def test_a_reason_of_the_whole_trail_stands_for_entries_without_one(acme):
    with recording(actor=STAFF, at=NOW, reason="Ticket 17") as trail:
        for own in ("", "Ticket 18"):
            trail.add(
                organization_id=acme.pk, action="team.created", target=("team", 1), reason=own
            )
    reasons = AuditEvent.objects.filter(actor_kind="support").order_by("sequence")
    assert [event.reason for event in reasons] == ["Ticket 17", "Ticket 18"]


@pytest.mark.parametrize("reason", ["", "  "])
def test_support_without_a_reason_changes_nothing(acme, reason):
    with pytest.raises(ReasonMissing):
        note(acme, actor=STAFF, reason=reason)
    assert AuditHead.objects.get().sequence == 2


def test_the_database_wants_supports_reason_too(acme):
    with pytest.raises(IntegrityError, match="support_gives_a_reason"), transaction.atomic():
        connection.cursor().execute(
            "INSERT INTO orgs_auditevent (organization_id, sequence, at, actor_kind, actor_label,"
            " action, target_kind, target_id, diff, personal_digests, reason, previous_hash, hash)"
            " VALUES (%s, 3, now(), 'support', '', 'a', 'b', 'c', '{}', '{}', '', '', '')",
            [acme.pk],
        )


def test_an_address_stands_beside_every_entry_of_a_request(acme):
    with recording(actor=STAFF, at=NOW, reason="Ticket 17") as trail:
        for name in ("backend", "frontend"):
            trail.add(
                organization_id=acme.pk,
                action="team.created",
                target=("team", 1),
                personal={"name": name},
            )
    kept = AuditPersonalValue.objects.filter(event__actor_kind="support")
    assert sorted(kept.values_list("name", "value")) == [
        ("address", "198.51.100.9"),
        ("address", "198.51.100.9"),
        ("name", "backend"),
        ("name", "frontend"),
    ]
    assert "198.51.100.9" not in repr(list(AuditEvent.objects.values()))
    assert verify_chain(organization_id=acme.pk) == []


def test_an_address_that_an_entry_names_itself_stays(acme):
    """Where something began that is recorded when it ends."""
    note(acme, actor=STAFF, reason="Ticket 17", personal={"address": "203.0.113.7"})
    kept = AuditPersonalValue.objects.get(event__actor_kind="support")
    assert (kept.name, kept.value) == ("address", "203.0.113.7")
    assert verify_chain(organization_id=acme.pk) == []


def test_entries_that_are_appended_directly_are_treated_alike(acme):
    entry = AuditEntry(
        organization_id=acme.pk,
        action="team.created",
        target_kind="team",
        target_id="1",
        diff={"secret": [None, "hunter2"]},
    )
    with pytest.raises(ReasonMissing), transaction.atomic():
        append_audit(actor=STAFF, at=NOW, entries=[entry])
    with transaction.atomic():
        append_audit(actor=STAFF, at=NOW, entries=[entry], reason="Ticket 17")
    event = AuditEvent.objects.get(actor_kind="support")
    assert (event.reason, event.diff) == ("Ticket 17", {"secret": [None, "***"]})


def test_secrets_are_masked_before_they_are_hashed(acme):
    event = note(acme, diff={"secret": [None, "hunter2"]})
    event.refresh_from_db()
    assert event.diff == {"secret": [None, "***"]}
    assert verify_chain(organization_id=acme.pk) == []


# --- erasing -------------------------------------------------------------------------------------


def test_erasing_a_person_takes_what_names_them_and_leaves_the_rest(acme):
    mei, hao = (make_member(acme, f"{name}@acme.example") for name in ("mei", "hao"))
    other = make_organization("other").organization

    def user(member, address):
        return Actor(
            kind=ActorKind.USER,
            organization_id=acme.pk,
            member_id=member.pk,
            role=member.get_role(),
            address=address,
        )

    note(acme, actor=user(mei, "203.0.113.1"))
    note(
        acme,
        actor=user(hao, "203.0.113.2"),
        target=("member", mei.pk),
        personal={"email": "mei@acme.example"},
    )
    note(acme, personal={"invited": "mei@acme.example", "name": "Backend"})
    note(other, target=("member", mei.pk), personal={"email": "mei@acme.example"})
    erased = erase_personal_values(
        organization_id=acme.pk, member_id=mei.pk, texts=["mei@acme.example", ""]
    )
    assert erased == 3
    left = AuditPersonalValue.objects.order_by("pk").values_list("name", "value")
    assert list(left) == [
        ("email", "owner@acme.example"),
        ("email", "owner@other.example"),
        ("address", "203.0.113.2"),
        ("name", "Backend"),
        ("email", "mei@acme.example"),  # another organization's log is its own
    ]
    assert verify_chain(organization_id=acme.pk) == []
    assert verify_chain(organization_id=other.pk) == []


# --- saving what is there already ----------------------------------------------------------------


def test_saving_what_is_there_writes_nothing(acme):
    mei = make_member(acme, "mei@acme.example")
    with recording(actor=OPERATOR, at=NOW) as trail:
        teams = ensure_teams(trail=trail, organization_id=acme.pk, teams={"backend": "Backend"})
        assign_primary_teams(
            trail=trail, organization_id=acme.pk, team_ids={mei.pk: teams["backend"]}, since=NOW
        )
        choose(trail=trail, member=mei, choices={Setting.IDLE_TIMEOUT_SECONDS: 600})
    before = AuditHead.objects.get(organization=acme).sequence
    policy = get_policy(organization_id=acme.pk)
    with recording(actor=OPERATOR, at=NOW) as trail:
        save_policy(
            trail=trail,
            organization=acme,
            rules=read_rules(policy.document),
            expected_revision=policy.revision,
            reason="Once more",
        )
        choose(trail=trail, member=mei, choices={Setting.IDLE_TIMEOUT_SECONDS: 600})
        switch_product(
            trail=trail,
            organization_id=acme.pk,
            product=Product.OFFLOAD,
            is_enabled=True,
            reason="Once more",
        )
        set_spending_state(trail=trail, organization_id=acme.pk, state=SpendingState.OK)
        ensure_teams(trail=trail, organization_id=acme.pk, teams={"backend": "Other"})
        ensure_members(trail=trail, organization_id=acme.pk, emails=["Mei@acme.example"])
        assign_primary_teams(
            trail=trail, organization_id=acme.pk, team_ids={mei.pk: teams["backend"]}, since=NOW
        )
        assert not revoke_token(trail=trail, organization_id=acme.pk, token_id=0)
        assert trail.entries == []
    assert AuditHead.objects.get(organization=acme).sequence == before
