"""What is stored as holding is what the rules say, now and at every instant ahead."""

from datetime import timedelta

import pytest

from orgs.domain.policy import resolve
from orgs.domain.settings_documents import settings_document
from orgs.models import Member, PolicyException, SettingsHead, SettingsVersion
from orgs.selectors.audit import verify_chain
from orgs.selectors.settings_versions import find_held, list_held
from orgs.selectors.standings import load_standings
from orgs.services.audit import recording
from orgs.services.effective_settings import refresh_settings
from orgs.services.exceptions import revoke_exception
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization
from tests.factories.policy import (
    DAY,
    choose_as,
    grant,
    held,
    join,
    save,
    timeout,
    value,
)
from tests.factories.walk import Walk

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)
LATER = NOW + timedelta(hours=1)
SETTING = "idle_timeout_seconds"


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return join(acme, "mei")[0]


def instants_of(walk):
    """Now, each coming end of an exception and the microsecond before it, and long after."""
    granted = PolicyException.objects.filter(expires_at__gt=walk.at + MICROSECOND)
    ends = set(granted.values_list("expires_at", flat=True))
    around = ends | {end - MICROSECOND for end in ends}
    return [walk.at, *sorted(around), walk.at + 200 * DAY]


def expected_at(walk, instant):
    """What the rules say for each member, worked out anew: settings and spending state."""
    standings = load_standings(organization_id=walk.organization.pk, at=instant)
    return {
        member_id: (settings_document(resolve(standing, at=instant)), standing.spending.value)
        for member_id, standing in standings.items()
    }


def columns(version):
    return version.is_offload_enabled, version.is_gpu_enabled, version.idle_timeout_seconds


SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(5, 60))]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_what_is_stored_is_what_the_rules_say(seed):
    walk = Walk(seed)
    told = []
    for _ in range(30):
        told.append(walk.step())
        for instant in instants_of(walk):
            expected = expected_at(walk, instant)
            for member in walk.members:
                version = held(member, at=instant)
                assert (version.settings, version.spending) == expected[member.pk], (told, instant)
                assert columns(version) == tuple(
                    version.settings[name]["value"]
                    for name in ("offload_enabled", "gpu_enabled", SETTING)
                )
        for member in walk.members:
            before, after = held(member, at=walk.at - MICROSECOND), held(member, at=walk.at)
            is_same = (before.settings, before.spending) == (after.settings, after.spending)
            assert (before.revision == after.revision) is is_same, told
    head = SettingsHead.objects.get()
    assert head.revision >= max(SettingsVersion.objects.values_list("revision", flat=True))
    assert verify_chain(organization_id=walk.organization.pk) == []
    # so that a walk that is refused everywhere would be noticed
    assert sum(":" not in step for step in told) >= 15


def test_nothing_held_before_the_first_row(acme, mei):
    assert find_held(organization_id=acme.pk, member_id=mei.pk, at=NOW - MICROSECOND) is None
    found = find_held(organization_id=acme.pk, member_id=mei.pk, at=NOW)
    assert (found.version.since, found.valid_until) == (NOW, None)


def test_a_row_is_found_with_its_own_organization_only(acme, mei):
    other = make_organization("other").organization
    assert find_held(organization_id=other.pk, member_id=mei.pk, at=NOW) is None


def test_what_holds_is_found_in_one_query(acme, mei, django_assert_num_queries):
    for minute in range(20):
        choose_as(mei, idle_timeout_seconds=60 + minute, at=NOW + timedelta(minutes=minute))
    with django_assert_num_queries(1):
        found = find_held(organization_id=acme.pk, member_id=mei.pk, at=LATER)
    assert found.version.settings[SETTING]["value"] == 79


def test_it_is_valid_until_the_first_of_several_ends(acme, mei):
    grant(mei, SETTING, {"default": 600}, lasting=3 * DAY)
    grant(mei, "gpu_enabled", {"state": "enabled"}, lasting=DAY)
    instants = []
    at = NOW
    while at is not None:
        instants.append(at)
        at = find_held(organization_id=acme.pk, member_id=mei.pk, at=at).valid_until
    assert instants == [NOW, NOW + DAY, NOW + 3 * DAY]


def test_what_lay_ahead_and_is_void_never_comes_back(acme, mei):
    row = grant(mei, SETTING, {"default": 600})
    with recording(actor=OPERATOR, at=LATER) as trail:
        revoke_exception(trail=trail, organization_id=acme.pk, number=row.pk, note="")
    save(acme, timeout(default=120), at=LATER + timedelta(hours=1))
    assert value(mei, SETTING, at=row.expires_at) == 120
    for instant in (NOW, LATER, row.expires_at, row.expires_at + DAY):
        rows = list_held(organization_id=acme.pk, member_ids=[mei.pk], at=instant)
        assert rows == {mei.pk: held(mei, at=instant)}


def test_a_change_of_what_lies_ahead_keeps_the_revision_of_now(acme, mei):
    grant(mei, SETTING, {"minimum": 10, "maximum": 3600, "default": 600, "locked": True})
    before = held(mei)
    save(acme, timeout(default=120), at=LATER)
    assert held(mei, at=LATER).settings == before.settings
    assert held(mei, at=LATER).revision == before.revision
    assert value(mei, SETTING, at=NOW + DAY) == 120


def test_a_change_whose_clock_is_behind_stands_above_what_came_before_it(acme, mei):
    """Two processes' clocks differ, and the slower one commits last: its word counts."""
    save(acme, timeout(default=120), at=LATER)
    save(acme, timeout(default=240), at=LATER - MICROSECOND)
    assert [value(mei, SETTING, at=LATER + shift * MICROSECOND) for shift in (-2, -1, 0, 1)] == [
        300,
        240,
        240,
        240,
    ]


def test_refreshing_again_writes_no_row(acme, mei):
    grant(mei, SETTING, {"default": 600})
    rows = list(SettingsVersion.objects.order_by("pk").values())
    with recording(actor=OPERATOR, at=LATER):
        assert refresh_settings(organization_id=acme.pk, at=LATER) == []
    assert list(SettingsVersion.objects.order_by("pk").values()) == rows


def test_only_those_who_are_named_are_looked_at(acme, mei):
    bo = make_member(acme, "bo@acme.example")
    lena = make_member(acme, "lena@acme.example")
    with recording(actor=OPERATOR, at=NOW):
        assert refresh_settings(organization_id=acme.pk, at=NOW, member_ids=[bo.pk]) == [bo.pk]
        assert refresh_settings(organization_id=acme.pk, at=NOW, member_ids=[]) == []
    assert find_held(organization_id=acme.pk, member_id=lena.pk, at=NOW) is None


def test_a_generation_is_told_of_each_refresh_and_a_revision_of_each_change(acme, mei):
    def head():
        return SettingsHead.objects.values_list("revision", "generation").get(organization=acme)

    revision, generation = head()
    with recording(actor=OPERATOR, at=LATER):
        refresh_settings(organization_id=acme.pk, at=LATER)
    assert head() == (revision, generation + 1)
    choose_as(mei, idle_timeout_seconds=60, at=LATER)
    assert head()[0] == revision + 1
    assert head()[1] > generation + 1
    assert held(mei, at=LATER).revision == revision + 1


def test_members_who_change_together_share_a_revision(acme):
    members = join(acme, "mei", "bo", at=LATER)
    assert len({held(member, at=LATER).revision for member in members}) == 1
    assert Member.objects.count() == 3
