"""States that the database itself refuses, tried by real statements."""

import pytest
from django.db import IntegrityError, connection, transaction

from orgs.domain.roles import Scope
from orgs.models import (
    AccessToken,
    AuditEvent,
    AuditPersonalValue,
    Entitlement,
    Member,
    Organization,
    PolicyRevision,
    Subscription,
    Team,
    TeamAssignment,
    TeamMembership,
    User,
)
from tests.factories.orgs import (
    NOW,
    assign_team,
    make_member,
    make_organization,
    make_team,
    make_token,
    make_user,
)
from tests.orgs.models.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def other():
    return make_organization("other").organization


@pytest.mark.parametrize("slug", ["", "Acme", "a_b", "-a", "a-", "a b", "а", "a" * 60 + "\n"])  # noqa: RUF001 - a Cyrillic letter on purpose
def test_a_slug_is_ascii_lower_case(acme, slug):
    refused(
        "UPDATE orgs_organization SET slug = %s WHERE id = %s",
        [slug, acme.pk],
        by="organization_slug_is_valid",
    )


def test_a_slug_is_taken_once(acme, other):
    refused(
        "UPDATE orgs_organization SET slug = 'acme' WHERE id = %s", [other.pk], by="slug_key|slug"
    )


def test_an_organization_has_a_name(acme):
    refused("UPDATE orgs_organization SET name = ''", by="organization_has_a_name")


def test_a_user_is_one_address_in_any_case():
    make_user("mei@acme.example")
    with pytest.raises(IntegrityError, match="email"), transaction.atomic():
        make_user("Mei@ACME.example")
    refused(
        "UPDATE orgs_user SET email = 'Mei@acme.example'",
        by="user_email_is_normalized",
    )


def test_a_locale_is_one_of_ours():
    make_user("mei@acme.example")
    refused("UPDATE orgs_user SET locale = 'fr'", by="user_locale_is_known")


def test_an_address_is_one_member_of_an_organization_and_may_be_one_of_another(acme, other):
    make_member(acme, "mei@acme.example")
    make_member(other, "mei@acme.example")
    with pytest.raises(IntegrityError, match="member_one_per_address"), transaction.atomic():
        make_member(acme, "MEI@acme.example")
    refused(
        "UPDATE orgs_member SET email = 'Mei@acme.example' WHERE organization_id = %s",
        [other.pk],
        by="member_email_is_normalized",
    )


def test_a_user_is_one_member_of_an_organization(acme):
    user = make_user("mei@acme.example")
    make_member(acme, "mei@acme.example", user=user)
    with pytest.raises(IntegrityError, match="member_one_per_user"), transaction.atomic():
        make_member(acme, "mei2@acme.example", user=user)


@pytest.mark.parametrize("role", ["", "admin", "team_lead", "Owner"])
def test_a_member_has_a_known_role(acme, role):
    refused("UPDATE orgs_member SET role = %s", [role], by="member_role_is_known")


def test_a_member_has_a_known_status(acme):
    refused("UPDATE orgs_member SET status = 'gone'", by="member_status_is_known")


def test_a_team_has_one_slug_and_one_place_in_its_organization(acme, other):
    first, second = make_team(acme, "backend"), make_team(acme, "frontend")
    make_team(other, "backend")
    refused(
        "UPDATE orgs_team SET slug = 'backend' WHERE id = %s", [second.pk], by="team_one_per_slug"
    )
    refused(
        "UPDATE orgs_team SET priority = %s WHERE id = %s",
        [first.priority, second.pk],
        by="team_one_per_priority",
    )


def test_teams_swap_places_within_a_transaction(acme):
    first, second = make_team(acme, "backend"), make_team(acme, "frontend")
    with transaction.atomic():
        Team.objects.filter(pk=first.pk).update(priority=second.priority)
        Team.objects.filter(pk=second.pk).update(priority=first.priority)
    assert list(Team.objects.order_by("priority").values_list("slug", flat=True)) == [
        "frontend",
        "backend",
    ]


@pytest.mark.parametrize(
    ("insert", "of_own"),
    [
        (
            """INSERT INTO orgs_teammembership (organization_id, member_id, team_id, is_lead)
               VALUES (%s, %s, %s, false)""",
            "team_membership_of_own_{}",
        ),
        (
            """INSERT INTO orgs_teamassignment (organization_id, member_id, team_id, since)
               VALUES (%s, %s, %s, now())""",
            "team_assignment_(of|to)_own_{}",
        ),
    ],
)
def test_a_member_is_never_in_a_team_of_another_organization(acme, other, insert, of_own):
    member, team = make_member(acme, "mei@acme.example"), make_team(acme, "backend")
    strange_member, strange_team = make_member(other, "bo@other.example"), make_team(other, "x")
    refused(insert, [acme.pk, strange_member.pk, team.pk], by=of_own.format("member"))
    refused(insert, [acme.pk, member.pk, strange_team.pk], by=of_own.format("team"))
    refused(insert, [other.pk, member.pk, strange_team.pk], by=of_own.format("member"))
    assert not TeamMembership.objects.exists()
    assert not TeamAssignment.objects.exists()


def test_a_subscription_is_a_known_plan(acme):
    refused("UPDATE orgs_subscription SET plan = 'free'", by="subscription_plan_is_known")
    assert Subscription.objects.get().plan == "business"


def test_a_product_is_on_only_if_the_subscription_brings_it(acme):
    refused(
        "UPDATE orgs_entitlement SET is_entitled = false WHERE product = 'offload'",
        by="entitlement_enabled_only_if_entitled",
    )
    refused(
        "UPDATE orgs_entitlement SET product = 'hub' WHERE product = 'scout'",
        by="entitlement_one_per_product",
    )
    refused("UPDATE orgs_entitlement SET product = 'swarm'", by="entitlement_product_is_known")
    assert Entitlement.objects.count() == 6


def test_a_policy_is_written_by_a_member_of_its_organization(acme, other):
    strange = make_member(other, "bo@other.example")
    refused(
        "INSERT INTO orgs_policyrevision"
        " (organization_id, scope, revision, document, author_id, reason, created_at)"
        " VALUES (%s, 'organization', 2, '{}', %s, '', now())",
        [acme.pk, strange.pk],
        by="policy_by_own_member",
    )
    refused(
        "INSERT INTO orgs_policyrevision"
        " (organization_id, scope, revision, document, reason, created_at)"
        " VALUES (%s, 'organization', 1, '{}', '', now())",
        [acme.pk],
        by="policy_one_per_revision",
    )


TOKEN = {
    "kind": "ofo",
    "organization_id": "acme",
    "member_id": None,
    "name": "",
    "secret_hash": b"x" * 32,
    "scopes": ["usage:read"],
    "source_prefix": "",
    "created_at": NOW,
    "expires_at": None,
}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"kind": "ofx"}, "token_kind_is_known|token_scopes_fit_its_kind"),
        ({"scopes": []}, "token_scopes_are_known"),
        ({"scopes": ["usage:write"]}, "token_scopes_are_known"),
        ({"scopes": ["metering:write"]}, "token_scopes_fit_its_kind"),
        ({"scopes": ["usage:read", "desktop"]}, "token_scopes_fit_its_kind"),
        ({"kind": "ofm"}, "token_scopes_fit_its_kind"),
        ({"kind": "ofd", "scopes": ["desktop"]}, "token_of_a_desktop_has_a_member"),
        ({"organization_id": None}, "token_without_organization_only_meters"),
        ({"source_prefix": "/runners"}, "token_source_only_when_metering"),
        ({"expires_at": NOW}, "token_expires_after_creation"),
        ({"member_id": "stranger"}, "token_of_own_member"),
        (
            {"kind": "ofm", "scopes": ["metering:write"], "member_id": "member"},
            "token_that_meters_has_no_member",
        ),
    ],
)
def test_a_token_that_contradicts_itself_is_refused(acme, other, change, constraint):
    ids = {
        "acme": acme.pk,
        "member": make_member(acme, "mei@acme.example").pk,
        "stranger": make_member(other, "bo@other.example").pk,
    }
    row = {
        name: ids.get(value, value) if isinstance(value, str) else value
        for name, value in (TOKEN | change).items()
    }
    refused(
        f"INSERT INTO orgs_accesstoken ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
        list(row.values()),
        by=constraint,
    )
    assert not AccessToken.objects.exists()


def test_a_hash_is_one_token(acme):
    make_token(acme, Scope.USAGE_READ)
    make_token(acme, Scope.USAGE_READ)
    refused("UPDATE orgs_accesstoken SET secret_hash = 'x'", by="secret_hash")


def _fill(acme):
    member = make_member(acme, "mei@acme.example")
    assign_team(member, make_team(acme, "backend"))


@pytest.mark.parametrize(
    ("model", "column", "may_delete"),
    [
        (TeamAssignment, "since", False),
        (PolicyRevision, "reason", False),
        (AuditEvent, "reason", False),
        (AuditPersonalValue, "value", True),
    ],
)
def test_history_is_neither_edited_nor_deleted(acme, model, column, may_delete):
    _fill(acme)
    table = model._meta.db_table
    before = list(model.objects.order_by("pk").values())
    refused(f"UPDATE {table} SET {column} = {column}", by=f"UPDATE on {table} is refused")
    if not may_delete:
        refused(f"DELETE FROM {table}", by=f"DELETE on {table} is refused")
    assert before
    assert list(model.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("model", [TeamAssignment, PolicyRevision, AuditEvent, AuditPersonalValue])
def test_history_is_not_truncated(acme, model):
    _fill(acme)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        # as the migration makes it; the test database goes without (tests/conftest.py)
        cursor.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused(f"TRUNCATE {table} CASCADE", by=f"TRUNCATE on {table} is refused")
    assert model.objects.exists()


def test_an_organization_in_use_is_not_deleted(acme):
    refused("DELETE FROM orgs_organization", by="violates")
    assert Organization.objects.exists()
    assert Member.objects.exists()
    assert User.objects.exists()
