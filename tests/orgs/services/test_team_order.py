"""Teams made, renamed and put in order; the first that says something wins."""

from datetime import timedelta

import pytest

from orgs.domain.names import InvalidSlug
from orgs.models import AuditEvent, SettingsHead, Team
from orgs.services.audit import recording
from orgs.services.teams import (
    TeamExists,
    TeamNameMissing,
    TeamsDiffer,
    create_team,
    ensure_teams,
    order_teams,
    rename_team,
)
from tests.factories.orgs import NOW, OPERATOR, assign_team, make_organization, make_team
from tests.factories.policy import everything_stored, held, join, save, timeout, value

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def acme():
    return make_organization("acme").organization


def create(organization, slug, name):
    with recording(actor=OPERATOR, at=NOW) as trail:
        return create_team(trail=trail, organization_id=organization.pk, slug=slug, name=name)


def order(organization, *slugs):
    with recording(actor=OPERATOR, at=LATER) as trail:
        order_teams(trail=trail, organization_id=organization.pk, slugs=slugs)


def rename(team, name):
    with recording(actor=OPERATOR, at=LATER) as trail:
        rename_team(trail=trail, team=team, name=name)


def in_order(organization):
    teams = Team.objects.filter(organization=organization).order_by("priority")
    return list(teams.values_list("slug", "priority"))


def last_event():
    return AuditEvent.objects.order_by("sequence").last()


def test_a_new_team_comes_last(acme):
    make_team(acme, "backend")
    team = create(acme, "frontend", "  Front end ")
    assert (team.slug, team.name, team.priority) == ("frontend", "Front end", 2)
    assert (last_event().action, last_event().diff) == (
        "team.created",
        {"slug": [None, "frontend"], "name": [None, "Front end"], "priority": [None, 2]},
    )


@pytest.mark.parametrize(
    ("slug", "name", "error"),
    [
        ("backend", "Again", TeamExists),
        ("Back end", "Name", InvalidSlug),
        ("", "Name", InvalidSlug),
        ("order", "Name", InvalidSlug),
        ("x", " \t", TeamNameMissing),
        ("x", "", TeamNameMissing),
    ],
)
def test_a_team_that_cannot_be_is_refused(acme, slug, name, error):
    make_team(acme, "backend")
    stored = everything_stored()
    with pytest.raises(error):
        create(acme, slug, name)
    assert everything_stored() == stored


def test_an_importer_cannot_take_the_reserved_word_either(acme):
    with pytest.raises(InvalidSlug), recording(actor=OPERATOR, at=NOW) as trail:
        ensure_teams(trail=trail, organization_id=acme.pk, teams={"order": "Order"})


def test_the_same_slug_elsewhere_is_another_team(acme):
    other = make_organization("other").organization
    assert create(acme, "x", "X") != create(other, "x", "X")


def test_a_team_is_renamed_and_keeps_its_slug(acme):
    team = make_team(acme, "backend")
    rename(team, " Back of the house ")
    team.refresh_from_db()
    assert (team.slug, team.name) == ("backend", "Back of the house")
    assert (last_event().action, last_event().diff) == (
        "team.renamed",
        {"name": ["Backend", "Back of the house"]},
    )
    stored = everything_stored()
    rename(team, "Back of the house")
    with pytest.raises(TeamNameMissing):
        rename(team, " ")
    assert everything_stored() == stored


def test_the_first_team_that_says_something_wins(acme):
    first, second, silent = (make_team(acme, slug) for slug in ("a", "b", "c"))
    mei, bo = join(acme, "mei", "bo")
    for team in (first, second, silent):
        assign_team(mei, team, since=NOW + timedelta(minutes=team.priority))
    assign_team(bo, second)
    save(acme, timeout(default=120), team=first, at=NOW)
    save(acme, timeout(default=240), team=second, at=NOW)
    assert value(mei, "idle_timeout_seconds", at=NOW + timedelta(minutes=5)) == 120
    of_bo = held(bo)

    order(acme, "c", "b", "a")

    assert in_order(acme) == [("c", 1), ("b", 2), ("a", 3)]
    settings = held(mei, at=LATER).settings["idle_timeout_seconds"]
    assert (settings["value"], settings["source"]) == (240, {"level": "team", "name": "b"})
    assert held(bo, at=LATER) == of_bo
    assert (last_event().action, last_event().target_kind, last_event().diff) == (
        "teams.ordered",
        "organization",
        {"order": [["a", "b", "c"], ["c", "b", "a"]]},
    )


def test_the_order_that_holds_writes_nothing(acme):
    make_team(acme, "a")
    make_team(acme, "b")
    stored = everything_stored()
    order(acme, "a", "b")
    assert everything_stored() == stored


@pytest.mark.parametrize(
    ("slugs", "missing", "unknown", "repeated"),
    [
        (["a"], ["b"], [], []),
        (["a", "b", "x"], [], ["x"], []),
        (["b", "a", "b"], [], [], ["b"]),
        ([], ["a", "b"], [], []),
        (["x", "x", "a"], ["b"], ["x"], ["x"]),
    ],
)
def test_an_order_names_each_team_once(acme, slugs, missing, unknown, repeated):
    make_team(acme, "a")
    make_team(acme, "b")
    make_team(make_organization("other").organization, "x")
    stored = everything_stored()
    with pytest.raises(TeamsDiffer) as refused:
        order(acme, *slugs)
    error = refused.value
    assert (error.missing, error.unknown, error.repeated) == (missing, unknown, repeated)
    assert everything_stored() == stored


def test_another_organizations_order_stays(acme):
    other = make_organization("other").organization
    for organization in (acme, other):
        make_team(organization, "a")
        make_team(organization, "b")
    head = SettingsHead.objects.values().get(organization=other)
    order(acme, "b", "a")
    assert in_order(other) == [("a", 1), ("b", 2)]
    assert SettingsHead.objects.values().get(organization=other) == head


@pytest.mark.parametrize("count", [10, 300])
def test_the_order_of_many_teams_costs_the_same_statements(acme, count, django_assert_num_queries):
    slugs = [f"t{number:03}" for number in range(count)]
    with recording(actor=OPERATOR, at=NOW) as trail:
        ensure_teams(trail=trail, organization_id=acme.pk, teams=dict.fromkeys(slugs, "T"))
    [mei] = join(acme, "mei")
    for slug in ("t000", "t001"):
        team = Team.objects.get(slug=slug)
        save(acme, timeout(default=120), team=team)
        assign_team(mei, team, since=NOW + timedelta(minutes=team.priority))
    with recording(actor=OPERATOR, at=LATER) as trail, django_assert_num_queries(18):
        order_teams(trail=trail, organization_id=acme.pk, slugs=slugs[::-1])
    assert in_order(acme)[0] == (slugs[-1], 1)
