from datetime import timedelta

import pytest

from orgs.domain.names import InvalidSlug
from orgs.models import AuditEvent, Team, TeamAssignment, TeamMembership
from orgs.selectors.teams import list_team_assignments
from orgs.services.audit import recording
from orgs.services.teams import (
    AssignmentOutOfOrder,
    UnknownInOrganization,
    assign_primary_teams,
    ensure_teams,
)
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization, make_team

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=7)


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return make_member(acme, "mei@acme.example")


def ensure(organization, teams):
    with recording(actor=OPERATOR, at=NOW) as trail:
        return ensure_teams(trail=trail, organization_id=organization.pk, teams=teams)


def assign(organization, team_ids, *, since=NOW):
    with recording(actor=OPERATOR, at=since) as trail:
        return assign_primary_teams(
            trail=trail, organization_id=organization.pk, team_ids=team_ids, since=since
        )


def test_missing_teams_come_last_in_the_order_given(acme):
    make_team(acme, "backend")
    ids = ensure(acme, {"g2": "Group 2", "backend": "Ignored", "g1": ""})
    assert list(Team.objects.order_by("priority").values_list("slug", "name", "pk")) == [
        ("backend", "Backend", ids["backend"]),
        ("g2", "Group 2", ids["g2"]),
        ("g1", "g1", ids["g1"]),
    ]


def test_a_second_call_changes_and_records_nothing(acme):
    first = ensure(acme, {"g1": "Group 1"})
    recorded = AuditEvent.objects.count()
    assert ensure(acme, {"g1": "Group 1"}) == first
    assert AuditEvent.objects.count() == recorded


def test_a_bad_slug_stops_all(acme):
    with pytest.raises(InvalidSlug):
        ensure(acme, {"g1": "Group 1", "G 2": "Group 2"})
    assert not Team.objects.exists()


def test_the_first_assignment_makes_a_membership_too(acme, mei):
    team = make_team(acme, "backend")
    assert assign(acme, {mei.pk: team.pk}) == 1
    assert TeamMembership.objects.values_list("member", "team", "is_lead").get() == (
        mei.pk,
        team.pk,
        False,
    )
    assert list_team_assignments([mei.pk]) == {mei.pk: [(NOW, team.pk)]}


def test_the_same_team_again_is_nothing_new(acme, mei):
    team = make_team(acme, "backend")
    assign(acme, {mei.pk: team.pk})
    recorded = AuditEvent.objects.count()
    assert assign(acme, {mei.pk: team.pk}, since=LATER) == 0
    assert AuditEvent.objects.count() == recorded


def test_a_change_of_team_is_appended(acme, mei):
    first, second = make_team(acme, "backend"), make_team(acme, "frontend")
    assign(acme, {mei.pk: first.pk})
    assign(acme, {mei.pk: second.pk}, since=LATER)
    assert list_team_assignments([mei.pk]) == {mei.pk: [(NOW, first.pk), (LATER, second.pk)]}
    assert AuditEvent.objects.order_by("sequence").last().diff == {
        f"member:{mei.pk}": [first.pk, second.pk]
    }


@pytest.mark.parametrize("since", [NOW, NOW - timedelta(microseconds=1)])
def test_history_is_not_written_backwards(acme, mei, since):
    first, second = make_team(acme, "backend"), make_team(acme, "frontend")
    assign(acme, {mei.pk: first.pk})
    with pytest.raises(AssignmentOutOfOrder):
        assign(acme, {mei.pk: second.pk}, since=since)
    assert TeamAssignment.objects.count() == 1


def test_strangers_and_strange_teams_are_named(acme, mei):
    other = make_organization("other").organization
    bo = make_member(other, "bo@other.example")
    team, strange = make_team(acme, "backend"), make_team(other, "x")
    for team_ids in ({bo.pk: team.pk}, {mei.pk: strange.pk}):
        with pytest.raises(UnknownInOrganization):
            assign(acme, team_ids)
    assert not TeamAssignment.objects.exists()


def test_histories_of_several_organizations_come_in_one_query(
    acme, mei, django_assert_num_queries
):
    other = make_organization("other").organization
    bo = make_member(other, "bo@other.example")
    here, there = make_team(acme, "backend"), make_team(other, "backend")
    assign(acme, {mei.pk: here.pk})
    assign(other, {bo.pk: there.pk})
    alone = make_member(acme, "alone@acme.example")
    with django_assert_num_queries(1):
        found = list_team_assignments([mei.pk, bo.pk, alone.pk])
    assert found == {mei.pk: [(NOW, here.pk)], bo.pk: [(NOW, there.pk)]}
