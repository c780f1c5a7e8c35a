"""A device's last word: kept once, never older than what is known, back only by a sign-in."""

from datetime import timedelta

import pytest

from orgs.domain.device_sign_in import DeviceFacts
from orgs.models import AuditEvent, Device
from orgs.selectors.devices import converge, list_devices, look_at_devices
from orgs.services.audit import recording
from orgs.services.check_ins import DeviceRemoved, check_in
from orgs.services.devices import remove_device
from orgs.services.effective_settings import refresh_settings
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def mei():
    acme = make_organization("acme").organization
    member = make_member(acme, "mei@acme.example")
    refresh_settings(organization_id=acme.pk, at=NOW, member_ids=[member.pk])
    return member


def says(member, *, after: float, revision: int | None = 2, drift=(), version="4.52.0"):
    return check_in(
        member=member,
        facts=DeviceFacts(
            device_id="laptop-1", name="mei-laptop", os="macOS", desktop_version=version
        ),
        applied_revision=revision,
        drift=drift,
        at=NOW + timedelta(seconds=after),
    )


def state_of(member, *, after: float) -> str:
    at = NOW + timedelta(seconds=after)
    (row,) = look_at_devices(
        list_devices(organization_id=member.organization_id),
        organization_id=member.organization_id,
        at=at,
    )
    return row.state.value


def test_the_first_word_makes_the_device_and_later_ones_keep_when_it_applied(mei):
    first = says(mei, after=4)
    again = says(mei, after=60)

    assert (first.pk, first.first_seen_at) == (again.pk, NOW + timedelta(seconds=4))
    assert (again.applied_revision, again.applied_at) == (2, NOW + timedelta(seconds=4))
    assert again.last_seen_at == NOW + timedelta(seconds=60)
    assert Device.objects.count() == 1
    assert not AuditEvent.objects.filter(target_kind="device").exists()


def test_states_follow_what_was_said_and_when(mei):
    says(mei, after=1, revision=1)
    assert state_of(mei, after=2) == "pending"
    says(mei, after=3)
    assert state_of(mei, after=4) == "in_sync"
    says(mei, after=5, drift=["gpu_enabled"])
    assert state_of(mei, after=6) == "drifted"
    assert state_of(mei, after=5 + 901) == "offline"


def test_an_older_word_that_comes_later_changes_nothing(mei):
    says(mei, after=10, revision=2)
    kept = says(mei, after=5, revision=1, drift=["gpu_enabled"])
    assert (kept.applied_revision, kept.drift) == (2, [])
    assert kept.last_seen_at == NOW + timedelta(seconds=10)


def test_the_time_from_save_to_applied_is_measured(mei):
    says(mei, after=4)
    organization_id = mei.organization_id
    rows = look_at_devices(
        list_devices(organization_id=organization_id),
        organization_id=organization_id,
        at=NOW + timedelta(seconds=5),
    )
    found = converge(rows)
    assert (found.counts["in_sync"], found.total) == (1, 1)
    assert found.median == found.slowest_of_95 == timedelta(seconds=4)


def test_a_removed_device_stays_off_the_list(mei):
    device = says(mei, after=1)
    with recording(actor=OPERATOR, at=NOW) as trail:
        assert remove_device(trail=trail, organization_id=mei.organization_id, device_id=device.pk)
    with pytest.raises(DeviceRemoved):
        says(mei, after=2)
    device.refresh_from_db()
    assert device.last_seen_at == NOW + timedelta(seconds=1)
    assert not list_devices(organization_id=mei.organization_id).exists()


def test_a_device_of_the_same_id_in_another_organization_is_another(mei):
    beta = make_organization("beta").organization
    other = make_member(beta, mei.email)
    says(mei, after=1)
    says(other, after=1)
    assert Device.objects.count() == 2
    assert list_devices(organization_id=beta.pk).get().member_id == other.pk
