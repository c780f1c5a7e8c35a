"""Policy in the browser, without a browser: forms, refusals, undo, both versions of a conflict."""

import re

import pytest

from orgs.domain.roles import Role
from orgs.domain.rules import Rules, SwitchState, TimeoutRule
from orgs.models import PolicyRevision, TeamMembership
from orgs.selectors.policies import get_policy
from orgs.services.audit import recording
from orgs.services.policies import save_policy
from tests.factories.billing import make_empty_organization
from tests.factories.orgs import NOW, OPERATOR, make_member, make_team, make_user

pytestmark = pytest.mark.django_db
FIELDS = {"offload_enabled": "enabled", "gpu_enabled": "disabled"}
BOUNDS = {"minimum": "60", "maximum": "900", "default": "300"}


@pytest.fixture
def acme():
    return make_empty_organization(NOW, slug="acme").organization


@pytest.fixture
def sign_in(client, acme):
    def enter(role: Role):
        user = make_user(f"{role.value}@people.example", locale="en")
        client.force_login(user)
        return make_member(acme, user.email, role=role, user=user)

    return enter


def save(acme, rules: Rules, team=None) -> int:
    with recording(actor=OPERATOR, at=NOW) as trail:
        current = get_policy(organization_id=acme.pk, team_id=team.pk if team else None)
        return save_policy(
            trail=trail,
            organization=acme,
            team=team,
            rules=rules,
            expected_revision=current.revision,
            reason="",
        ).revision


def revision_of(acme) -> str:
    return str(get_policy(organization_id=acme.pk).revision)


def test_an_owner_saves_and_can_undo(client, acme, sign_in):
    owner = sign_in(Role.OWNER)
    before = revision_of(acme)
    data = FIELDS | BOUNDS | {"revision": before, "reason": "Less waiting"}
    answer = client.post("/o/acme/policy/", data)
    now = get_policy(organization_id=acme.pk)

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/o/acme/policy/?saved={now.revision}",
    )
    assert now.rules == Rules(
        offload_enabled=SwitchState.ENABLED,
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900, default=300, locked=False),
        gpu_enabled=SwitchState.DISABLED,
    )
    assert (now.reason, now.author_id) == ("Less waiting", owner.pk)

    page = client.get(answer["Location"]).content.decode()
    action = f"/o/acme/policy/revisions/{before}/"
    assert action in page
    undone = client.post(action, {"revision": str(now.revision), "reason": "Undo"})
    assert undone.status_code == 302
    again = PolicyRevision.objects.latest("revision")
    assert again.rolled_back_to == int(before)
    assert again.document["offload_enabled"] == {"state": "user_defined"}


def test_errors_stand_beside_their_fields_and_what_was_typed_stays(client, acme, sign_in):
    sign_in(Role.POLICY_ADMIN)
    data = FIELDS | {"minimum": "5", "maximum": "abc", "default": "", "revision": "1"}
    answer = client.post("/o/acme/policy/", data)
    page = answer.content.decode()

    assert answer.status_code == 400
    assert 'id="minimum-error">Enter 10 to 3600 seconds.' in page
    assert 'id="maximum-error">Enter a whole number of seconds.' in page
    assert 'value="abc"' in page
    assert revision_of(acme) == "1"


def test_a_minimum_above_the_maximum_is_said_once(client, acme, sign_in):
    sign_in(Role.OWNER)
    answer = client.post(
        "/o/acme/policy/", FIELDS | {"minimum": "900", "maximum": "60", "revision": "1"}
    )
    assert answer.status_code == 400
    assert "The smallest value, 900 s, is above the largest, 60 s." in answer.content.decode()


def test_a_stale_save_shows_both_versions_and_writes_nothing(client, acme, sign_in):
    sign_in(Role.OWNER)
    theirs = save(acme, Rules(offload_enabled=SwitchState.ALWAYS_ENABLED))
    answer = client.post("/o/acme/policy/", FIELDS | BOUNDS | {"revision": "1"})
    page = answer.content.decode()

    assert answer.status_code == 409
    assert "Somebody has saved meanwhile." in page
    assert re.search(r'class="was">Always enabled</td><td class="now">Enabled</td>', page)
    assert f'name="revision" value="{theirs}"' in page
    assert revision_of(acme) == str(theirs)
    # saving again puts mine in its place
    assert (
        client.post("/o/acme/policy/", FIELDS | BOUNDS | {"revision": str(theirs)}).status_code
        == 302
    )


def test_a_range_without_anything_in_common_with_a_team_names_both(client, acme, sign_in):
    sign_in(Role.OWNER)
    team = make_team(acme, "backend")
    save(acme, Rules(idle_timeout_seconds=TimeoutRule(minimum=600)), team=team)
    data = FIELDS | {"maximum": "300", "default": "300", "revision": "1"}
    page = client.post("/o/acme/policy/", data).content.decode()

    assert "Organization acme (10 to 300 s) and team backend (600 to 3600 s)" in page


def test_a_lead_narrows_their_team_and_no_other(client, acme, sign_in):
    lead = sign_in(Role.MEMBER)
    mine, other = make_team(acme, "backend"), make_team(acme, "frontend")
    TeamMembership.objects.create(organization=acme, team=mine, member=lead, is_lead=True)
    data = {"maximum": "600", "revision": "0"}

    assert client.get("/o/acme/policy/teams/backend/").status_code == 200
    assert client.post("/o/acme/policy/teams/backend/", data).status_code == 302
    assert get_policy(organization_id=acme.pk, team_id=mine.pk).rules == Rules(
        idle_timeout_seconds=TimeoutRule(maximum=600)
    )
    assert client.get("/o/acme/policy/teams/frontend/").status_code == 403
    assert client.post("/o/acme/policy/teams/frontend/", data).status_code == 403
    assert get_policy(organization_id=acme.pk, team_id=other.pk).revision == 0
    assert client.get("/o/acme/policy/").status_code == 403


def test_a_team_may_not_be_wider_than_its_organization(client, acme, sign_in):
    sign_in(Role.OWNER)
    make_team(acme, "backend")
    save(acme, Rules(idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900)))
    answer = client.post("/o/acme/policy/teams/backend/", {"maximum": "1800", "revision": "0"})
    assert answer.status_code == 400
    assert "organization acme allows 60 to 900 s" in answer.content.decode()


@pytest.mark.parametrize("role", [Role.AUDITOR])
def test_readers_see_the_rules_and_cannot_write(client, acme, sign_in, role):
    sign_in(role)
    page = client.get("/o/acme/policy/").content.decode()
    assert '<fieldset class="card panel" disabled>' in page
    assert 'name="reason"' not in page
    answer = client.post("/o/acme/policy/", FIELDS | BOUNDS | {"revision": "1"})
    assert answer.status_code == 403
    assert revision_of(acme) == "1"


def test_strangers_and_other_teams_are_not_there(client, acme, sign_in):
    sign_in(Role.OWNER)
    make_team(make_empty_organization(NOW, slug="beta").organization, "theirs")
    for path in ("/o/beta/policy/", "/o/acme/policy/teams/theirs/", "/o/acme/policy/revisions/9/"):
        assert client.get(path).status_code == 404


def test_a_revision_page_shows_what_it_changed(client, acme, sign_in):
    sign_in(Role.OWNER)
    revision = save(acme, Rules(offload_enabled=SwitchState.ALWAYS_DISABLED))
    page = client.get(f"/o/acme/policy/revisions/{revision}/").content.decode()
    assert re.search(r'class="was">User-defined</td><td class="now">Always disabled</td>', page)
    assert "This revision is in force." in page
