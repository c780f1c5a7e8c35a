"""States of devices and sign-ins that the database itself refuses, tried by real statements."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from orgs.domain.roles import Scope
from orgs.models import AccessToken, Device, DeviceSignIn
from tests.factories.orgs import NOW, make_member, make_organization, make_token, make_user

pytestmark = pytest.mark.django_db


def refused(change, *, by):
    """Run a change with deferred checks made at once; it must fail by that constraint."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match=by), transaction.atomic():
        change()


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return make_member(acme, "mei@acme.example")


@pytest.fixture
def stranger():
    return make_member(make_organization("other").organization, "bo@other.example")


def device_of(member, device_id="d1", **changes):
    fields = {"organization_id": member.organization_id, "member": member, "first_seen_at": NOW}
    return Device.objects.create(device_id=device_id, **fields | changes)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({}, "device_one_per_member"),
        ({"device_id": ""}, "device_has_an_id"),
        ({"device_id": "d2", "applied_revision": 3}, "device_applied_a_revision_at_an_instant"),
        ({"device_id": "d2", "applied_at": NOW}, "device_applied_a_revision_at_an_instant"),
    ],
)
def test_a_device_that_contradicts_itself_is_refused(mei, changes, constraint):
    device_of(mei)
    refused(lambda: device_of(mei, **changes), by=constraint)


def test_a_device_is_of_a_member_of_its_organization(acme, stranger):
    refused(lambda: device_of(stranger, organization_id=acme.pk), by="device_of_own_member")


def test_a_token_is_for_a_device_of_its_member(acme, mei, stranger):
    make_token(acme, Scope.DESKTOP, member=mei)
    for member in (make_member(acme, "bo@acme.example"), stranger):
        device = device_of(member)
        refused(
            lambda device=device: AccessToken.objects.update(device=device),
            by="token_of_its_members_device",
        )
    AccessToken.objects.update(device=device_of(mei))


def test_only_a_desktop_token_is_for_a_device(acme, mei):
    make_token(acme, Scope.USAGE_READ, member=mei)
    device = device_of(mei)
    refused(
        lambda: AccessToken.objects.update(device=device), by="token_of_a_device_is_a_desktops"
    )


def test_a_device_has_one_token_that_is_not_revoked(acme, mei):
    device = device_of(mei)
    first = make_token(acme, Scope.DESKTOP, member=mei).token
    make_token(acme, Scope.DESKTOP, member=mei)
    refused(lambda: AccessToken.objects.update(device=device), by="token_one_per_device")
    AccessToken.objects.filter(pk=first.pk).update(revoked_at=NOW)
    AccessToken.objects.update(device=device)


def begin(number=1, **changes):
    fields = {
        "client_id": "docker-desktop",
        "device_code_hash": bytes([number]) * 32,
        "user_code": f"BBBBBBB{'BCDFGH'[number]}",
        "device_id": "d1",
        "started_at": NOW,
        "expires_at": NOW + timedelta(minutes=10),
    }
    return DeviceSignIn.objects.create(**fields | changes)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"number": 1, "user_code": "CCCCCCCC"}, "device_code_hash"),
        ({"user_code": "BBBBBBBC"}, "user_code"),
        ({"expires_at": NOW}, "sign_in_expires_after_its_start"),
        (
            {"state": "open", "decided_at": NOW, "by": 1, "for": "mei"},
            "sign_in_state_is_known",
        ),
        ({"state": "denied"}, "sign_in_decided_by_who_opened_it"),
        ({"decided_at": NOW}, "sign_in_decided_by_who_opened_it"),
        ({"state": "approved", "decided_at": NOW, "by": 1}, "sign_in_approved_for_a_member"),
        ({"state": "exchanged", "decided_at": NOW, "by": 1}, "sign_in_approved_for_a_member"),
        ({"for": "mei"}, "sign_in_approved_for_a_member"),
        (
            {"state": "approved", "decided_at": NOW, "by": 1, "for": "stranger"},
            "sign_in_of_own_member",
        ),
    ],
)
def test_a_sign_in_that_contradicts_itself_is_refused(acme, mei, stranger, changes, constraint):
    begin(1)
    changes = {"number": 2} | changes
    if changes.pop("by", None):
        changes["opened_by"] = make_user("mei@acme.example")
    if name := changes.pop("for", None):
        changes |= {"organization": acme, "member": mei if name == "mei" else stranger}
    refused(lambda: begin(**changes), by=constraint)


def test_an_old_process_may_still_make_an_organization():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orgs_organization (slug, name, created_at) VALUES ('old', 'Old', now())"
            " RETURNING is_device_sign_in_enabled"
        )
        assert cursor.fetchall() == [(True,)]
