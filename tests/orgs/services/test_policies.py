"""Saving policy: what it writes, whom it reaches, what it refuses."""

from datetime import timedelta

import pytest

from orgs.domain.policy_documents import InvalidPolicy
from orgs.models import AuditEvent, PolicyRevision, SettingsVersion
from orgs.selectors.audit import verify_chain
from orgs.selectors.members import member_actor
from orgs.selectors.policies import get_policy
from orgs.services.audit import recording
from orgs.services.policies import StalePolicy, save_policy
from orgs.services.teams import assign_primary_teams
from tests.factories.orgs import (
    NOW,
    OPERATOR,
    assign_team,
    make_member,
    make_organization,
    make_team,
)
from tests.factories.policy import (
    DAY,
    choose_as,
    everything_stored,
    held,
    join,
    save,
    timeout,
    value,
)

pytestmark = pytest.mark.django_db
LATER = NOW + DAY
DEFAULT = {
    "offload_enabled": {"state": "user_defined"},
    "gpu_enabled": {"state": "user_defined"},
    "idle_timeout_seconds": {"minimum": 10, "maximum": 3600, "default": 300, "locked": False},
}


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return join(acme, "mei")[0]


def in_team(member, slug):
    team = make_team(member.organization, slug)
    assign_team(member, team)
    return team


def errors_of(refused):
    return [(error.pointer, error.code) for error in refused.value.errors]


def test_a_save_is_a_revision_that_reaches_every_member(acme, mei):
    admin = make_member(acme, "admin@acme.example")
    before = get_policy(organization_id=acme.pk)
    assert (before.revision, before.document) == (1, DEFAULT)

    policy = save(
        acme,
        timeout(minimum=60, maximum=900, default=600) | {"gpu_enabled": {"state": "enabled"}},
        at=LATER,
        actor=member_actor(admin),
        reason="long builds",
    )

    document = {
        "gpu_enabled": {"state": "enabled"},
        "idle_timeout_seconds": {"minimum": 60, "maximum": 900, "default": 600},
    }
    assert (policy.document, policy.reason, policy.author_id, policy.created_at) == (
        document,
        "long builds",
        admin.pk,
        LATER,
    )
    assert policy == get_policy(organization_id=acme.pk)
    row = PolicyRevision.objects.get(revision=policy.revision)
    assert (row.scope, row.team, row.document, row.rolled_back_to) == (
        "organization",
        None,
        document,
        None,
    )
    assert value(mei, "idle_timeout_seconds") == 300
    assert (value(mei, "idle_timeout_seconds", at=LATER), value(mei, "gpu_enabled", at=LATER)) == (
        600,
        True,
    )
    version = held(mei, at=LATER)
    assert (version.revision, version.since) == (policy.revision, LATER)
    assert (version.idle_timeout_seconds, version.is_gpu_enabled, version.is_offload_enabled) == (
        600,
        True,
        True,
    )


def test_a_save_is_audited_field_by_field(acme, mei):
    policy = save(acme, DEFAULT | timeout(maximum=900), at=LATER, reason="costs")
    event = AuditEvent.objects.order_by("sequence").last()
    assert (event.action, event.target_kind, event.target_id, event.reason, event.at) == (
        "policy.saved",
        "organization",
        str(acme.pk),
        "costs",
        LATER,
    )
    assert event.diff == {
        "idle_timeout_seconds.minimum": [10, None],
        "idle_timeout_seconds.maximum": [3600, 900],
        "idle_timeout_seconds.default": [300, None],
        "idle_timeout_seconds.locked": [False, None],
        "revision": [1, policy.revision],
        "members_affected": [None, 2],
    }
    assert verify_chain(organization_id=acme.pk) == []


def test_saving_what_holds_writes_nothing(acme, mei):
    policy = save(acme, timeout(maximum=900))
    stored = everything_stored()
    assert save(acme, timeout(maximum=900), at=LATER, reason="again") == policy
    assert everything_stored() == stored


def test_a_save_that_changes_nobodys_settings_is_a_revision_all_the_same(acme, mei):
    save(acme, timeout(default=300))  # who says it is another now, so this is a change
    revision = held(mei).revision
    policy = save(acme, timeout(default=300, locked=False), at=LATER)
    assert policy.revision > revision
    assert held(mei, at=LATER).revision == held(mei).revision == revision


def test_a_stale_save_is_told_what_is_in_force(acme, mei):
    policy = save(acme, timeout(maximum=900))
    stored = everything_stored()
    with pytest.raises(StalePolicy) as refused:
        save(acme, timeout(maximum=600), expected=1, at=LATER)
    assert refused.value.current == policy
    with pytest.raises(StalePolicy):
        save(acme, timeout(maximum=900), expected=1, at=LATER)  # even if it says the same
    with pytest.raises(StalePolicy):
        save(acme, timeout(maximum=600), expected=policy.revision + 1, at=LATER)
    assert everything_stored() == stored


def test_the_revision_of_another_scope_is_not_this_ones(acme, mei):
    team = in_team(mei, "backend")
    of_team = save(acme, timeout(maximum=600), team=team)
    with pytest.raises(StalePolicy) as refused:
        save(acme, timeout(maximum=900), expected=of_team.revision)
    assert refused.value.current.revision == 1
    with pytest.raises(StalePolicy) as refused:
        save(acme, timeout(maximum=900), expected=0)
    assert refused.value.current.revision == 1


def test_a_team_begins_with_empty_rules_at_revision_0(acme, mei):
    team = in_team(mei, "backend")
    assert get_policy(organization_id=acme.pk, team_id=team.pk).revision == 0
    policy = save(acme, timeout(maximum=600, default=120), team=team, expected=0)
    assert value(mei, "idle_timeout_seconds") == 120
    assert held(mei).settings["idle_timeout_seconds"]["source"] == {
        "level": "team",
        "name": "backend",
    }
    event = AuditEvent.objects.order_by("sequence").last()
    assert (event.target_kind, event.target_id) == ("team", str(team.pk))
    assert event.diff == {
        "idle_timeout_seconds.maximum": [None, 600],
        "idle_timeout_seconds.default": [None, 120],
        "revision": [0, policy.revision],
        "members_affected": [None, 1],
    }


def test_a_teams_policy_reaches_its_members_only(acme, mei):
    [bo] = join(acme, "bo")
    before = held(bo)
    save(acme, timeout(default=120), team=in_team(mei, "backend"), at=LATER)
    assert value(mei, "idle_timeout_seconds", at=LATER) == 120
    assert held(bo, at=LATER) == before


def test_another_organization_is_not_touched(acme, mei):
    other = make_organization("other").organization
    [bo] = join(other, "bo")
    before = (held(bo), get_policy(organization_id=other.pk))
    save(acme, timeout(default=120), at=LATER)
    assert (held(bo, at=LATER), get_policy(organization_id=other.pk)) == before


@pytest.mark.parametrize(
    ("rule", "errors"),
    [
        ({"minimum": 59}, [("/idle_timeout_seconds/minimum", "wider_than_parent")]),
        ({"maximum": 901}, [("/idle_timeout_seconds/maximum", "wider_than_parent")]),
        (
            {"minimum": 10, "maximum": 3600},
            [
                ("/idle_timeout_seconds/minimum", "wider_than_parent"),
                ("/idle_timeout_seconds/maximum", "wider_than_parent"),
            ],
        ),
        ({"default": 30}, [("/idle_timeout_seconds/default", "default_outside_range")]),
    ],
)
def test_a_team_only_narrows(acme, mei, rule, errors):
    save(acme, timeout(minimum=60, maximum=900))
    team = in_team(mei, "backend")
    stored = everything_stored()
    with pytest.raises(InvalidPolicy) as refused:
        save(acme, timeout(**rule), team=team)
    assert errors_of(refused) == errors
    assert everything_stored() == stored


def test_a_range_that_a_team_has_nothing_in_common_with_names_both(acme, mei):
    team = in_team(mei, "backend")
    save(acme, timeout(minimum=600), team=team)
    stored = everything_stored()
    with pytest.raises(InvalidPolicy) as refused:
        save(acme, timeout(maximum=599))
    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/idle_timeout_seconds", "empty_intersection")
    assert {"acme", "backend", 599, 600} <= set(error.values.values())
    assert everything_stored() == stored
    save(acme, timeout(maximum=600))  # one value in common is enough
    assert value(mei, "idle_timeout_seconds") == 600


def test_narrowing_the_organization_later_intersects(acme, mei):
    team = in_team(mei, "backend")
    save(acme, timeout(minimum=60, maximum=1800, default=1200), team=team)
    save(acme, timeout(minimum=120, maximum=900), at=LATER)
    settings = held(mei, at=LATER).settings["idle_timeout_seconds"]
    assert (settings["minimum"], settings["maximum"]) == (120, 900)
    assert (settings["default"], settings["value"]) == (900, 900)
    assert get_policy(organization_id=acme.pk, team_id=team.pk).document == timeout(
        minimum=60, maximum=1800, default=1200
    )
    save(acme, DEFAULT, at=LATER + DAY)
    settings = held(mei, at=LATER + DAY).settings["idle_timeout_seconds"]
    assert (settings["minimum"], settings["maximum"], settings["value"]) == (60, 1800, 1200)


def test_a_lock_of_the_organization_silences_team_and_choice(acme, mei):
    save(acme, timeout(default=120), team=in_team(mei, "backend"))
    assert choose_as(mei, idle_timeout_seconds=60)["idle_timeout_seconds"]["value"] == 60
    save(acme, timeout(default=240, locked=True), at=LATER)
    settings = held(mei, at=LATER).settings["idle_timeout_seconds"]
    assert (settings["value"], settings["locked"], settings["chosen"]) == (240, True, 60)
    assert settings["reasons"] == ["LOCKED_BY_ORGANIZATION"]


def test_who_is_removed_is_left_alone(acme, mei):
    before = held(mei)
    type(mei).objects.filter(pk=mei.pk).update(status="removed")
    policy = save(acme, timeout(default=120), at=LATER)
    assert held(mei, at=LATER) == before
    assert not SettingsVersion.objects.filter(member=mei, revision=policy.revision).exists()


@pytest.mark.parametrize("people", [10, 1000])
def test_a_save_costs_the_same_statements_for_any_number_of_members(
    acme, people, django_assert_num_queries
):
    names = [f"u{number}" for number in range(people)]
    members = join(acme, *names)
    team = make_team(acme, "backend")
    with recording(actor=OPERATOR, at=NOW) as trail:
        assign_primary_teams(
            trail=trail,
            organization_id=acme.pk,
            team_ids={member.pk: team.pk for member in members},
            since=NOW,
        )
    rules = get_policy(organization_id=acme.pk).rules
    save(acme, timeout(maximum=900), at=LATER)
    current = get_policy(organization_id=acme.pk).revision
    # lock, policy, teams' rules, revision, row; head, eight that decide, what holds, the new rows
    with (
        recording(actor=OPERATOR, at=LATER + timedelta(hours=1)) as trail,
        django_assert_num_queries(16),
    ):
        save_policy(
            trail=trail,
            organization=acme,
            rules=rules,
            expected_revision=current,
            reason="",
        )
    assert SettingsVersion.objects.filter(since=LATER + timedelta(hours=1)).count() == people + 1
