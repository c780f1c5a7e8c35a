"""A developer's choices: kept as chosen, clamped in effect, refused where locked."""

from datetime import timedelta

import pytest

from orgs.domain.rules import Setting
from orgs.models import AuditEvent, Entitlement, MemberChoices
from orgs.selectors.members import member_actor
from orgs.services.audit import recording
from orgs.services.choices import MemberHasLeft, SettingLocked, choose
from tests.factories.orgs import NOW, make_organization
from tests.factories.policy import (
    DAY,
    choose_as,
    everything_stored,
    grant,
    held,
    join,
    save,
    timeout,
    value,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return join(acme, "mei")[0]


def chosen(member):
    return MemberChoices.objects.values_list(
        "offload_enabled", "idle_timeout_seconds", "gpu_enabled"
    ).get(member=member)


def test_a_choice_holds_from_its_instant_on(mei):
    before = held(mei)
    settings = choose_as(mei, idle_timeout_seconds=60, gpu_enabled=True, at=LATER)
    assert settings["idle_timeout_seconds"] == {
        "value": 60,
        "minimum": 10,
        "maximum": 3600,
        "default": 300,
        "locked": False,
        "chosen": 60,
        "source": {"level": "user"},
        "reasons": ["USER_CHOICE"],
    }
    assert settings["gpu_enabled"]["value"] is True
    assert held(mei) == before
    assert held(mei, at=LATER).revision > before.revision
    event = AuditEvent.objects.order_by("sequence").last()
    assert (event.action, event.target_kind, event.target_id, event.actor_member_id) == (
        "settings.chosen",
        "member",
        str(mei.pk),
        mei.pk,
    )
    assert event.diff == {"idle_timeout_seconds": [None, 60], "gpu_enabled": [None, True]}


def test_what_is_not_named_stays_and_none_takes_back(mei):
    choose_as(mei, idle_timeout_seconds=60, gpu_enabled=True)
    choose_as(mei, offload_enabled=False)
    assert chosen(mei) == (False, 60, True)
    settings = choose_as(mei, idle_timeout_seconds=None, at=LATER)
    assert chosen(mei) == (False, None, True)
    assert (settings["idle_timeout_seconds"]["value"], settings["offload_enabled"]["value"]) == (
        300,
        False,
    )


@pytest.mark.parametrize("choices", [{}, {"idle_timeout_seconds": 60}, {"gpu_enabled": None}])
def test_choosing_what_is_chosen_writes_nothing(mei, choices):
    choose_as(mei, idle_timeout_seconds=60)
    stored = everything_stored()
    choose_as(mei, at=LATER, **choices)
    assert everything_stored() == stored


def test_a_choice_outside_of_the_range_is_kept_and_comes_back(acme, mei):
    save(acme, timeout(maximum=900))
    settings = choose_as(mei, idle_timeout_seconds=1200)["idle_timeout_seconds"]
    assert (settings["value"], settings["chosen"]) == (900, 1200)
    assert settings["reasons"] == ["USER_CHOICE", "CLAMPED_TO_MAXIMUM"]
    save(acme, timeout(maximum=600), at=LATER)
    assert value(mei, "idle_timeout_seconds", at=LATER) == 600
    save(acme, timeout(maximum=3600), at=LATER + DAY)
    assert value(mei, "idle_timeout_seconds", at=LATER + DAY) == 1200


def test_a_lock_refuses_a_choice_but_keeps_an_earlier_one(acme, mei):
    choose_as(mei, idle_timeout_seconds=60)
    save(acme, timeout(default=240, locked=True), at=LATER)
    stored = everything_stored()
    for again in (60, 70, None):
        with pytest.raises(SettingLocked) as refused:
            choose_as(mei, idle_timeout_seconds=again, at=LATER)
        assert refused.value.setting is Setting.IDLE_TIMEOUT_SECONDS
    assert everything_stored() == stored
    save(acme, timeout(default=240), at=LATER + DAY)
    assert value(mei, "idle_timeout_seconds", at=LATER + DAY) == 60


def test_one_locked_setting_stops_all_that_are_chosen_with_it(acme, mei):
    save(acme, {"gpu_enabled": {"state": "always_disabled"}})
    stored = everything_stored()
    with pytest.raises(SettingLocked):
        choose_as(mei, idle_timeout_seconds=60, gpu_enabled=True)
    assert everything_stored() == stored
    choose_as(mei, idle_timeout_seconds=60)


def test_an_exception_opens_a_lock_until_it_ends(acme, mei):
    save(acme, {"gpu_enabled": {"state": "always_disabled"}})
    row = grant(mei, "gpu_enabled", {"state": "user_defined"})
    assert choose_as(mei, gpu_enabled=True, at=LATER)["gpu_enabled"]["value"] is True
    assert value(mei, "gpu_enabled", at=row.expires_at) is False
    with pytest.raises(SettingLocked):
        choose_as(mei, gpu_enabled=False, at=row.expires_at)


def test_without_the_entitlement_offload_cannot_be_chosen(acme, mei):
    Entitlement.objects.filter(organization=acme, product="offload").update(is_enabled=False)
    with pytest.raises(SettingLocked):
        choose_as(mei, offload_enabled=True)


def test_who_has_left_chooses_nothing(mei):
    type(mei).objects.filter(pk=mei.pk).update(status="removed")
    stored = everything_stored()
    with pytest.raises(MemberHasLeft), recording(actor=member_actor(mei), at=LATER) as trail:
        choose(trail=trail, member=mei, choices={Setting.GPU_ENABLED: True})
    assert everything_stored() == stored
