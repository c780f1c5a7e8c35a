"""Who is in a team and who leads it; settings follow for those who come and go."""

from datetime import timedelta

import pytest

from orgs.models import AuditEvent, SettingsVersion, TeamAssignment, TeamMembership
from orgs.services.audit import recording
from orgs.services.team_members import LeadNotInTeam, change_team, set_team_members
from orgs.services.teams import TeamNameMissing, UnknownInOrganization
from tests.factories.orgs import NOW, OPERATOR, assign_team, make_organization, make_team
from tests.factories.policy import everything_stored, held, join, save, timeout, value

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
SETTING = "idle_timeout_seconds"


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def team(acme):
    team = make_team(acme, "backend")
    save(acme, timeout(default=120), team=team)
    return team


@pytest.fixture
def people(acme):
    return join(acme, "mei", "bo", "lena")


def put(team, members=None, leads=None, *, at=NOW):
    with recording(actor=OPERATOR, at=at) as trail:
        set_team_members(
            trail=trail,
            team=team,
            member_ids=None if members is None else [member.pk for member in members],
            lead_ids=None if leads is None else [member.pk for member in leads],
        )


def members_of(team):
    return dict(TeamMembership.objects.filter(team=team).values_list("member_id", "is_lead"))


def last_event():
    return AuditEvent.objects.order_by("sequence").last()


def test_settings_follow_for_those_who_come_and_go_and_nobody_else(team, people):
    mei, bo, lena = people
    put(team, [mei, bo])
    versions = {person.pk: held(person) for person in people}
    assert [value(person, SETTING) for person in people] == [120, 120, 300]

    put(team, [bo, lena], at=LATER)

    assert members_of(team) == {bo.pk: False, lena.pk: False}
    assert [value(person, SETTING, at=LATER) for person in people] == [300, 120, 120]
    assert held(bo, at=LATER) == versions[bo.pk]
    assert set(
        SettingsVersion.objects.filter(since=LATER).values_list("member_id", flat=True)
    ) == {mei.pk, lena.pk}
    assert (last_event().action, last_event().target_id, last_event().diff) == (
        "team.members_changed",
        str(team.pk),
        {"added": [None, [lena.pk]], "removed": [[mei.pk], None]},
    )


def test_leads_change_without_any_settings(team, people):
    mei, bo, _ = people
    put(team, [mei, bo], [mei])
    assert members_of(team) == {mei.pk: True, bo.pk: False}
    versions = SettingsVersion.objects.count()
    put(team, leads=[bo], at=LATER)
    assert members_of(team) == {mei.pk: False, bo.pk: True}
    assert last_event().diff == {"leads": [[mei.pk], [bo.pk]]}
    assert SettingsVersion.objects.count() == versions


def test_a_lead_who_stays_leads_on_and_one_who_goes_does_not(team, people):
    mei, bo, lena = people
    put(team, [mei, bo], [mei, bo])
    put(team, [bo, lena])
    assert members_of(team) == {bo.pk: True, lena.pk: False}
    assert last_event().diff == {
        "added": [None, [lena.pk]],
        "removed": [[mei.pk], None],
        "leads": [sorted([mei.pk, bo.pk]), [bo.pk]],
    }


def test_a_new_member_may_lead_at_once(team, people):
    put(team, people[:1], people[:1])
    assert members_of(team) == {people[0].pk: True}


def test_nobody_is_a_team_too(team, people):
    put(team, people, people[:1])
    put(team, [], at=LATER)
    assert members_of(team) == {}
    assert value(people[0], SETTING, at=LATER) == 300


@pytest.mark.parametrize("parts", [(), ("members",), ("leads",), ("members", "leads")])
def test_what_is_so_already_writes_nothing(team, people, parts):
    put(team, people, people[:1])
    stored = everything_stored()
    given = {"members": people[::-1], "leads": people[:1]}
    put(team, **{part: given[part] for part in parts}, at=LATER)
    assert everything_stored() == stored


def test_who_leads_is_in_the_team(team, people):
    mei, bo, lena = people
    put(team, [mei, bo], [mei])
    stored = everything_stored()
    for members, leads in (([bo], [bo, mei]), (None, [bo, lena]), ([], [mei])):
        with pytest.raises(LeadNotInTeam) as refused:
            put(team, members, leads)
        assert refused.value.member_ids == [leads[-1].pk]
    assert everything_stored() == stored


def test_strangers_and_those_who_left_are_not_taken(team, people):
    mei, bo, _ = people
    [stranger] = join(make_organization("other").organization, "stranger")
    type(bo).objects.filter(pk=bo.pk).update(status="removed")
    stored = everything_stored()
    for members in ([mei, stranger], [bo]):
        with pytest.raises(UnknownInOrganization):
            put(team, members)
    assert everything_stored() == stored


def test_who_left_while_in_the_team_is_not_looked_at(team, people):
    mei, bo, _ = people
    put(team, [mei, bo], [bo])
    type(bo).objects.filter(pk=bo.pk).update(status="removed")
    stored = everything_stored()
    put(team, [mei], at=LATER)
    assert everything_stored() == stored


def test_which_team_carries_the_cost_is_another_matter(team, people):
    mei = people[0]
    assign_team(mei, team)
    put(team, [])
    assert list(TeamAssignment.objects.values_list("member_id", "team_id")) == [(mei.pk, team.pk)]


def test_a_change_is_whole_or_not_at_all(team, people):
    with recording(actor=OPERATOR, at=LATER) as trail:
        change_team(trail=trail, team=team, name="Back", member_ids=[people[0].pk])
    team.refresh_from_db()
    assert (team.name, members_of(team)) == ("Back", {people[0].pk: False})
    stored = everything_stored()
    with pytest.raises(LeadNotInTeam), recording(actor=OPERATOR, at=LATER) as trail:
        change_team(trail=trail, team=team, name="Other", lead_ids=[people[1].pk])
    with pytest.raises(TeamNameMissing), recording(actor=OPERATOR, at=LATER) as trail:
        change_team(trail=trail, team=team, name="", member_ids=[])
    with recording(actor=OPERATOR, at=LATER) as trail:
        change_team(trail=trail, team=team)
    assert everything_stored() == stored


@pytest.mark.parametrize("count", [10, 1000])
def test_many_cost_the_same_statements_as_few(acme, team, count, django_assert_num_queries):
    members = join(acme, *(f"u{number}" for number in range(count)))
    with recording(actor=OPERATOR, at=LATER) as trail, django_assert_num_queries(17):
        set_team_members(trail=trail, team=team, member_ids=[member.pk for member in members])
    assert TeamMembership.objects.count() == count
