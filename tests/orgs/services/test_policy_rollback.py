"""Rolling policy back: a new revision with old rules, if they still fit."""

import pytest

from orgs.domain.policy_documents import InvalidPolicy
from orgs.models import AuditEvent
from orgs.selectors.policies import UnknownRevision, get_policy, list_revisions
from orgs.services.audit import recording
from orgs.services.policies import StalePolicy, roll_back_policy
from tests.factories.orgs import (
    NOW,
    OPERATOR,
    assign_team,
    make_organization,
    make_team,
)
from tests.factories.policy import (
    DAY,
    everything_stored,
    held,
    join,
    save,
    timeout,
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


def roll_back(organization, revision, *, team=None, at=LATER, expected=None):
    team_id = team.pk if team else None
    current = get_policy(organization_id=organization.pk, team_id=team_id).revision
    with recording(actor=OPERATOR, at=at) as trail:
        return roll_back_policy(
            trail=trail,
            organization=organization,
            revision=revision,
            expected_revision=current if expected is None else expected,
            reason="as before",
            team=team,
        )


def errors_of(refused):
    return [(error.pointer, error.code) for error in refused.value.errors]


def test_a_rollback_is_a_new_revision_with_the_old_rules(acme, mei):
    first = save(acme, timeout(maximum=900))
    second = save(acme, timeout(maximum=600))
    policy = roll_back(acme, first.revision)
    assert policy.document == first.document
    assert policy.revision > second.revision
    row = list_revisions(organization_id=acme.pk).first()
    assert (row.revision, row.rolled_back_to, row.reason) == (
        policy.revision,
        first.revision,
        "as before",
    )
    assert held(mei, at=LATER).settings["idle_timeout_seconds"]["maximum"] == 900
    event = AuditEvent.objects.order_by("sequence").last()
    assert event.action == "policy.rolled_back"
    assert event.diff == {
        "idle_timeout_seconds.maximum": [600, 900],
        "revision": [second.revision, policy.revision],
        "rolled_back_to": [None, first.revision],
        "members_affected": [None, 2],
    }


def test_a_rollback_to_what_holds_writes_nothing(acme, mei):
    policy = save(acme, timeout(maximum=900))
    stored = everything_stored()
    assert roll_back(acme, policy.revision) == policy
    assert everything_stored() == stored


def test_a_rollback_that_contradicts_a_team_by_now_is_refused(acme, mei):
    narrow = save(acme, timeout(maximum=300))
    save(acme, timeout(maximum=3600))
    team = in_team(mei, "backend")
    save(acme, timeout(minimum=600), team=team)
    stored = everything_stored()
    with pytest.raises(InvalidPolicy) as refused:
        roll_back(acme, narrow.revision)
    assert errors_of(refused) == [("/idle_timeout_seconds", "empty_intersection")]
    assert everything_stored() == stored


def test_a_teams_rollback_that_is_wider_than_its_organization_by_now_is_refused(acme, mei):
    team = in_team(mei, "backend")
    wide = save(acme, timeout(maximum=1800), team=team)
    save(acme, timeout(maximum=600), team=team)
    save(acme, timeout(maximum=900))
    with pytest.raises(InvalidPolicy) as refused:
        roll_back(acme, wide.revision, team=team)
    assert errors_of(refused) == [("/idle_timeout_seconds/maximum", "wider_than_parent")]


def test_a_stale_rollback_is_refused(acme, mei):
    policy = save(acme, timeout(maximum=900))
    with pytest.raises(StalePolicy) as refused:
        roll_back(acme, 1, expected=1)
    assert refused.value.current == policy


def test_a_rollback_names_a_revision_of_its_own_scope(acme, mei):
    team = in_team(mei, "backend")
    of_team = save(acme, timeout(maximum=600), team=team)
    other = make_organization("other").organization
    of_other = save(other, timeout(maximum=900))
    for revision in (of_team.revision, of_other.revision + 40, 0, -1, 2**40):
        with pytest.raises(UnknownRevision):
            roll_back(acme, revision)
    with pytest.raises(UnknownRevision):
        roll_back(acme, 1, team=team)
