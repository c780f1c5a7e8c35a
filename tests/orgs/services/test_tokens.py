from datetime import timedelta

import pytest

from orgs.domain.actors import ActorKind
from orgs.domain.roles import Capability, Role, Scope
from orgs.models import AccessToken, AuditEvent
from orgs.selectors.tokens import TokenRefused, get_token, token_actor
from orgs.services.audit import recording
from orgs.services.tokens import TokenDoesNotFit, create_token, note_use, revoke_token
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization, make_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    return make_organization("acme").organization


def refusal(text, *, at=NOW):
    with pytest.raises(TokenRefused) as refused:
        get_token(text, at=at)
    return refused.value.code


def test_only_the_hash_of_a_token_is_stored(acme):
    made = make_token(acme, Scope.USAGE_READ)
    row = AccessToken.objects.values().get()
    assert made.text.startswith("ofo_")
    assert made.text not in repr(row)
    assert made.text[4:-6] not in repr(list(AuditEvent.objects.values()))


def test_a_good_token_is_one_query(acme, django_assert_num_queries):
    member = make_member(acme, "mei@acme.example", role=Role.AUDITOR)
    made = make_token(acme, Scope.USAGE_READ, Scope.BILLING_READ, member=member)
    with django_assert_num_queries(1):
        actor = token_actor(get_token(made.text, at=NOW))
    assert (actor.kind, actor.organization_id, actor.member_id, actor.token_id) == (
        ActorKind.TOKEN,
        acme.pk,
        member.pk,
        made.token.pk,
    )
    assert actor.role is Role.AUDITOR
    assert actor.scopes == {Scope.USAGE_READ, Scope.BILLING_READ}


def test_rights_follow_the_members_role_now(acme):
    member = make_member(acme, "mei@acme.example", role=Role.BILLING_MANAGER)
    made = make_token(acme, Scope.BILLING_READ, member=member)
    assert token_actor(get_token(made.text, at=NOW)).may(Capability.MONEY_READ)
    member.role = Role.POLICY_ADMIN
    member.save()
    assert not token_actor(get_token(made.text, at=NOW)).may(Capability.MONEY_READ)


def test_a_metering_token_carries_its_source_and_may_be_for_all(acme):
    made = make_token(None, Scope.METERING_WRITE, source_prefix="/runners/eu")
    actor = token_actor(get_token(made.text, at=NOW))
    assert (actor.organization_id, actor.source_prefix) == (None, "/runners/eu")
    assert made.text.startswith("ofm_")


@pytest.mark.parametrize("text", ["", "x", "ofm_x", "ofo_" + "0" * 49])
def test_a_text_that_is_no_token_costs_no_query(text, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert refusal(text) == "token_invalid"


def test_another_prefix_on_a_good_secret_is_no_token(acme):
    text = make_token(acme, Scope.USAGE_READ).text
    assert refusal("ofm_" + text[4:]) == "token_invalid"


def test_a_deleted_token_is_unknown(acme):
    text = make_token(acme, Scope.USAGE_READ).text
    AccessToken.objects.all().delete()
    assert refusal(text) == "token_invalid"


def test_a_token_ends_at_the_instant_it_expires(acme):
    text = make_token(acme, Scope.USAGE_READ, lifetime=timedelta(days=1)).text
    assert get_token(text, at=NOW + timedelta(days=1, microseconds=-1))
    assert refusal(text, at=NOW + timedelta(days=1)) == "token_expired"


def test_a_revoked_token_opens_nothing(acme):
    made = make_token(acme, Scope.USAGE_READ)
    with recording(actor=OPERATOR, at=NOW) as trail:
        assert revoke_token(trail=trail, organization_id=acme.pk, token_id=made.token.pk)
    assert refusal(made.text) == "token_revoked"
    assert AuditEvent.objects.order_by("sequence").last().action == "token.revoked"


def test_revoking_twice_or_elsewhere_changes_and_records_nothing(acme):
    made = make_token(acme, Scope.USAGE_READ)
    other = make_organization("other").organization
    with recording(actor=OPERATOR, at=NOW) as trail:
        assert not revoke_token(trail=trail, organization_id=other.pk, token_id=made.token.pk)
        assert not trail.entries
    assert get_token(made.text, at=NOW)


@pytest.mark.parametrize("status", ["invited", "removed"])
def test_a_token_ends_with_its_members_activity(acme, status):
    member = make_member(acme, "mei@acme.example")
    text = make_token(acme, Scope.DESKTOP, member=member).text
    member.status = status
    member.save()
    assert refusal(text) == "token_revoked"


def test_the_last_use_is_noted_at_most_once_a_minute(acme, django_assert_num_queries):
    text = make_token(acme, Scope.USAGE_READ).text

    def use(at, *, queries):
        token = get_token(text, at=at)
        with django_assert_num_queries(queries):
            note_use(token, at=at)
        return AccessToken.objects.get().last_used_at

    assert use(NOW, queries=1) == NOW
    assert use(NOW + timedelta(seconds=59), queries=0) == NOW
    assert use(NOW + timedelta(seconds=60), queries=1) == NOW + timedelta(seconds=60)


def test_a_stale_reader_does_not_note_again(acme):
    made = make_token(acme, Scope.USAGE_READ)
    stale = get_token(made.text, at=NOW)
    note_use(stale, at=NOW + timedelta(seconds=10))
    note_use(stale, at=NOW + timedelta(seconds=20))
    assert AccessToken.objects.get().last_used_at == NOW + timedelta(seconds=10)


@pytest.mark.parametrize(
    "changes",
    [
        {"organization_id": None},
        {"source_prefix": "/runners"},
        {"scopes": {Scope.DESKTOP}},
        {"scopes": {Scope.METERING_WRITE}, "member": "own"},
        {"member": "strange"},
        {"expires_at": NOW},
    ],
)
def test_parts_that_contradict_each_other_are_refused(acme, changes):
    other = make_organization("other").organization
    members = {
        "own": make_member(acme, "mei@acme.example"),
        "strange": make_member(other, "bo@other.example"),
    }
    parts = {"organization_id": acme.pk, "scopes": {Scope.USAGE_READ}} | changes
    if "member" in parts:
        parts["member"] = members[parts["member"]]
    parts["scopes"] = frozenset(parts["scopes"])
    with pytest.raises(TokenDoesNotFit), recording(actor=OPERATOR, at=NOW) as trail:
        create_token(trail=trail, **parts)
    assert not AccessToken.objects.exists()


def test_the_name_someone_gave_stands_beside_the_chain(acme):
    with recording(actor=OPERATOR, at=NOW) as trail:
        create_token(
            trail=trail,
            organization_id=acme.pk,
            scopes=frozenset({Scope.USAGE_READ}),
            name="Mei's report",
        )
    event = AuditEvent.objects.get(action="token.created")
    assert "Mei" not in str(event.diff)
    assert event.personal_values.get().value == "Mei's report"
