"""The spending state: stored for policy to read, a block reaches every Desktop."""

from datetime import timedelta

import pytest

from orgs.domain.actors import system
from orgs.domain.rules import SpendingState
from orgs.models import AuditEvent, SpendingStatus
from orgs.selectors.standings import get_spending_state
from orgs.services.audit import recording
from orgs.services.spending import set_spending_state
from tests.factories.orgs import NOW, make_organization
from tests.factories.policy import everything_stored, grant, held, join, value

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return join(acme, "mei")[0]


def spend(organization, state, *, at=LATER):
    with recording(actor=system(label="test"), at=at) as trail:
        set_spending_state(
            trail=trail, organization_id=organization.pk, state=SpendingState(state)
        )


@pytest.mark.parametrize("state", ["blocked", "stopping"])
def test_a_block_switches_offload_off_for_everybody_even_by_exception(acme, mei, state):
    grant(mei, "offload_enabled", {"state": "always_enabled"})
    spend(acme, state)
    version = held(mei, at=LATER)
    assert version.settings["offload_enabled"] == {
        "value": False,
        "state": "always_disabled",
        "locked": True,
        "chosen": None,
        "source": {"level": "spending", "name": state},
        "reasons": ["SPENDING_LIMIT"],
    }
    assert (version.spending, version.is_offload_enabled) == (state, False)
    event = AuditEvent.objects.order_by("sequence").last()
    assert (event.action, event.target_kind, event.diff) == (
        "spending.state_changed",
        "organization",
        {"state": ["ok", state]},
    )
    spend(acme, "ok", at=LATER + timedelta(hours=1))
    assert value(mei, "offload_enabled", at=LATER + timedelta(hours=1)) is True


def test_a_warning_is_told_and_forbids_nothing(acme, mei):
    before = held(mei)
    spend(acme, "warning")
    version = held(mei, at=LATER)
    assert (version.settings, version.spending) == (before.settings, "warning")
    assert version.revision > before.revision  # the Desktop shows the state
    assert get_spending_state(organization_id=acme.pk) is SpendingState.WARNING


@pytest.mark.parametrize("first", ["ok", "blocked"])
def test_the_state_it_has_writes_nothing(acme, mei, first):
    spend(acme, first)
    rows = list(SpendingStatus.objects.values())
    stored = everything_stored()
    spend(acme, first, at=LATER + timedelta(hours=1))
    assert everything_stored() == stored
    assert list(SpendingStatus.objects.values()) == rows


def test_another_organization_goes_on(acme):
    other = make_organization("other").organization
    [bo] = join(other, "bo")
    spend(acme, "blocked")
    assert get_spending_state(organization_id=other.pk) is SpendingState.OK
    assert value(bo, "offload_enabled", at=LATER) is True
