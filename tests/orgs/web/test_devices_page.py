"""Devices in the browser: who sees them, who takes them off the list."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orgs.domain.device_sign_in import DeviceFacts
from orgs.domain.roles import Role
from orgs.models import Device
from orgs.services.check_ins import check_in
from tests.factories.billing import make_empty_organization
from tests.factories.orgs import NOW, make_member, make_user

pytestmark = pytest.mark.django_db


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


def make_device(member, name: str) -> Device:
    return check_in(
        member=member,
        facts=DeviceFacts(device_id=name, name=name, os="macOS", desktop_version="4.52.0"),
        applied_revision=1,
        drift=[],
        at=timezone.now() - timedelta(seconds=5),
    )


def test_an_owner_sees_devices_and_signs_one_out(client, acme, sign_in):
    owner = sign_in(Role.OWNER)
    device = make_device(owner, "mei-laptop")
    page = client.get("/o/acme/devices/").content.decode()
    assert "mei-laptop" in page
    assert "1 of 1 devices do what they should" in page
    assert "mei-laptop" not in client.get("/o/acme/devices/?state=drifted").content.decode()

    assert client.post("/o/acme/devices/", {"device": device.pk}).status_code == 302
    device.refresh_from_db()
    assert device.removed_at is not None
    assert "No device yet" in client.get("/o/acme/devices/").content.decode()


def test_an_auditor_only_reads(client, acme, sign_in):
    device = make_device(sign_in(Role.AUDITOR), "mei-laptop")
    assert client.get("/o/acme/devices/").status_code == 200
    assert client.post("/o/acme/devices/", {"device": device.pk}).status_code == 403
    device.refresh_from_db()
    assert device.removed_at is None


def test_a_member_does_not(client, acme, sign_in):
    sign_in(Role.MEMBER)
    assert client.get("/o/acme/devices/").status_code == 403


@pytest.mark.parametrize("number", ["", "x", "9" * 30, "-1", "0"])
def test_a_device_of_nobody_or_of_others_stays(client, acme, sign_in, number):
    sign_in(Role.OWNER)
    beta = make_empty_organization(NOW, slug="beta").organization
    theirs = make_device(make_member(beta, "x@beta.example"), "theirs")
    for each in (number, str(theirs.pk)):
        assert client.post("/o/acme/devices/", {"device": each}).status_code == 302
    theirs.refresh_from_db()
    assert theirs.removed_at is None
