"""What the database itself refuses of policies, exceptions, choices and settings."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from orgs.models import PolicyException, SettingsVersion
from tests.factories.orgs import NOW, make_member, make_organization, make_team
from tests.factories.policy import DAY, ask, choose_as, grant, join, save, timeout
from tests.orgs.models.refusals import refused

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return join(acme, "mei")[0]


@pytest.fixture
def ids(acme, mei):
    """What the rows below name, by a word."""
    other = make_organization("other").organization
    return {
        "@acme": acme.pk,
        "@mei": mei.pk,
        "@team": make_team(acme, "backend").pk,
        "@stranger": make_member(other, "bo@other.example").pk,
        "@strange team": make_team(other, "backend").pk,
    }


def insert_refused(table, row, ids, *, by):
    values = [ids.get(value, value) if isinstance(value, str) else value for value in row.values()]
    refused(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
        values,
        by=by,
    )


REVISION = {
    "organization_id": "@acme",
    "scope": "team",
    "team_id": "@team",
    "revision": 1000,
    "document": "{}",
    "author_id": None,
    "reason": "",
    "created_at": NOW,
}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"scope": "member"}, "policy_scope_is_known|policy_team_only_of_a_team"),
        ({"scope": "organization"}, "policy_team_only_of_a_team"),
        ({"team_id": None}, "policy_team_only_of_a_team"),
        ({"team_id": "@strange team"}, "policy_of_own_team"),
        ({"author_id": "@stranger"}, "policy_by_own_member"),
        ({"revision": 1}, "policy_one_per_revision"),  # the organization's own
        ({"revision": 0}, "policy_revision_counts_from_1"),
    ],
)
def test_a_revision_that_contradicts_itself_is_refused(ids, change, constraint):
    insert_refused("orgs_policyrevision", REVISION | change, ids, by=constraint)


EXCEPTION = {
    "organization_id": "@acme",
    "member_id": "@mei",
    "decided_by_id": None,
    "setting": "gpu_enabled",
    "rule": "{}",
    "reason": "x",
    "state": "granted",
    "requested_at": NOW,
    "expires_at": NOW + 90 * DAY,
    "decided_at": NOW,
    "decision_note": "",
    "ended_at": None,
}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"reason": ""}, "exception_has_a_reason"),
        ({"setting": "cpu"}, "exception_setting_is_known"),
        ({"state": "lost"}, "exception_decided_once_open|exception_ended_when_over"),
        ({"decided_at": None}, "exception_decided_once_open"),
        ({"state": "requested"}, "exception_decided_once_open"),
        ({"state": "withdrawn", "ended_at": NOW}, "exception_decided_once_open"),
        ({"state": "refused", "decided_at": None, "ended_at": NOW}, "exception_decided_once_open"),
        ({"ended_at": NOW}, "exception_ended_when_over"),
        ({"state": "requested", "decided_at": None, "ended_at": NOW}, "exception_ended_when_over"),
        ({"state": "expired"}, "exception_ended_when_over"),
        ({"state": "revoked"}, "exception_ended_when_over"),
        ({"state": "refused"}, "exception_ended_when_over"),
        ({"expires_at": NOW + 90 * DAY + MICROSECOND}, "exception_lasts_90_days_at_most"),
        ({"expires_at": NOW}, "exception_lasts_90_days_at_most"),
        (
            {"state": "revoked", "ended_at": NOW, "expires_at": NOW + 91 * DAY},
            "exception_lasts_90_days_at_most",
        ),
        ({"member_id": "@stranger"}, "exception_of_own_member"),
        ({"decided_by_id": "@stranger"}, "exception_by_own_member"),
    ],
)
def test_an_exception_that_contradicts_itself_is_refused(ids, change, constraint):
    insert_refused("orgs_policyexception", EXCEPTION | change, ids, by=constraint)
    assert not PolicyException.objects.exists()


def test_one_exception_of_a_setting_is_in_force_and_one_asked_for(ids, mei):
    grant(mei, "gpu_enabled", {"state": "enabled"})
    ask(mei, "gpu_enabled", {"state": "enabled"})
    insert_refused("orgs_policyexception", EXCEPTION, ids, by="exception_one_in_force")
    asked = EXCEPTION | {"state": "requested", "decided_at": None}
    insert_refused("orgs_policyexception", asked, ids, by="exception_one_request")


CHOICES = {
    "organization_id": "@acme",
    "member_id": "@mei",
    "offload_enabled": None,
    "idle_timeout_seconds": None,
    "gpu_enabled": None,
    "changed_at": NOW,
}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"idle_timeout_seconds": 9}, "choices_within_product_bounds"),
        ({"idle_timeout_seconds": 3601}, "choices_within_product_bounds"),
        ({"member_id": "@stranger"}, "choices_of_own_member"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(ids, change, constraint):
    insert_refused("orgs_memberchoices", CHOICES | change, ids, by=constraint)


def test_a_member_has_one_row_of_choices(ids, mei):
    choose_as(mei, gpu_enabled=True)
    insert_refused("orgs_memberchoices", CHOICES, ids, by="choices_one_each")


VERSION = {
    "organization_id": "@acme",
    "member_id": "@mei",
    "revision": 5,
    "since": NOW,
    "settings": "{}",
    "spending": "ok",
    "digest": b"x" * 16,
    "is_offload_enabled": True,
    "is_gpu_enabled": False,
    "idle_timeout_seconds": 300,
}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"idle_timeout_seconds": 9}, "settings_within_product_bounds"),
        ({"idle_timeout_seconds": 3601}, "settings_within_product_bounds"),
        ({"member_id": "@stranger"}, "settings_of_own_member"),
    ],
)
def test_settings_that_cannot_be_are_refused(ids, change, constraint):
    insert_refused("orgs_settingsversion", VERSION | change, ids, by=constraint)


def test_spending_has_a_known_state(ids):
    row = {"organization_id": "@acme", "state": "broke", "changed_at": NOW}
    insert_refused("orgs_spendingstatus", row, ids, by="spending_state_is_known")


def test_a_team_of_another_organization_never_speaks_here(acme, ids):
    """Also when both ids are real, and both of the same other organization."""
    refused(
        "INSERT INTO orgs_policyrevision"
        " (organization_id, scope, team_id, revision, document, author_id, reason, created_at)"
        " VALUES (%s, 'team', %s, 1000, %s, %s, '', now())",
        [acme.pk, ids["@strange team"], json.dumps({}), ids["@stranger"]],
        by="policy_of_own_team|policy_by_own_member",
    )


def test_the_history_of_settings_is_neither_edited_nor_deleted(acme, mei):
    save(acme, timeout(default=120))
    before = list(SettingsVersion.objects.order_by("pk").values())
    table = "orgs_settingsversion"
    refused(f"UPDATE {table} SET since = since", by=f"UPDATE on {table} is refused")
    refused(f"DELETE FROM {table}", by=f"DELETE on {table} is refused")
    assert before
    assert list(SettingsVersion.objects.order_by("pk").values()) == before


def test_the_history_of_settings_is_not_truncated(acme, mei):
    table = "orgs_settingsversion"
    with connection.cursor() as cursor:
        # as the migration makes it; the test database goes without (tests/conftest.py)
        cursor.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused(f"TRUNCATE {table} CASCADE", by=f"TRUNCATE on {table} is refused")
    assert SettingsVersion.objects.exists()
