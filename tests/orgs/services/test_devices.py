"""Devices, the tokens they hold, and the switch of an organization."""

import pytest

from orgs.domain.device_sign_in import DeviceFacts
from orgs.domain.roles import Scope
from orgs.models import AccessToken, AuditEvent, Device
from orgs.selectors.tokens import TokenRefused, get_token
from orgs.services.audit import recording
from orgs.services.devices import register_device, remove_device
from orgs.services.organizations import set_device_sign_in
from orgs.services.tokens import TokenDoesNotFit, create_token, revoke_device_tokens
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization, make_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return make_member(acme, "mei@acme.example")


def sign_in(member, device_id="d1", **facts):
    """A device and its token, as an exchange makes them."""
    said = {"name": "Laptop", "os": "Linux", "desktop_version": "4.50"} | facts
    with recording(actor=OPERATOR, at=NOW) as trail:
        device = register_device(
            trail=trail, member=member, facts=DeviceFacts(device_id=device_id, **said)
        )
        revoke_device_tokens(
            trail=trail, organization_id=member.organization_id, device_id=device.pk
        )
        made = create_token(
            trail=trail,
            organization_id=member.organization_id,
            scopes=frozenset({Scope.DESKTOP}),
            member=member,
            device=device,
        )
    return device, made.text


def revoke(organization, **which):
    with recording(actor=OPERATOR, at=NOW) as trail:
        return revoke_device_tokens(trail=trail, organization_id=organization.pk, **which)


def is_good(text):
    try:
        get_token(text, at=NOW)
    except TokenRefused:
        return False
    return True


def last_event():
    return AuditEvent.objects.order_by("pk").last()


def test_a_device_is_one_row_per_member_and_is_named_anew(acme, mei):
    first, _ = sign_in(mei)
    again, _ = sign_in(mei, name="Desk", os="Windows")
    other, _ = sign_in(make_member(acme, "bo@acme.example"))
    assert (again.pk, again.name, again.os) == (first.pk, "Desk", "Windows")
    assert other.pk != first.pk
    events = list(AuditEvent.objects.filter(action="device.signed_in").order_by("pk"))
    assert [event.diff for event in events[:2]] == [
        {
            "member_id": [None, mei.pk],
            "os": [None, "Linux"],
            "desktop_version": [None, "4.50"],
        },
        {
            "member_id": [mei.pk, mei.pk],
            "os": ["Linux", "Windows"],
            "desktop_version": ["4.50", "4.50"],
        },
    ]
    assert dict(events[1].personal_values.values_list("name", "value")) == {
        "device_id": "d1",
        "device_name": "Desk",
    }


def test_a_removed_device_is_signed_out_and_a_new_sign_in_brings_it_back(acme, mei):
    device, text = sign_in(mei)
    with recording(actor=OPERATOR, at=NOW) as trail:
        assert remove_device(trail=trail, organization_id=acme.pk, device_id=device.pk)
        assert not remove_device(trail=trail, organization_id=acme.pk, device_id=device.pk)
    assert not is_good(text)
    assert Device.objects.get().removed_at == NOW
    actions = AuditEvent.objects.order_by("-pk").values_list("action", flat=True)[:2]
    assert list(actions) == ["token.revoked", "device.removed"]

    _, text = sign_in(mei)
    assert is_good(text)
    assert Device.objects.get().removed_at is None


def test_a_device_is_not_removed_by_another_organization(mei):
    device, text = sign_in(mei)
    other = make_organization("other").organization
    with recording(actor=OPERATOR, at=NOW) as trail:
        assert not remove_device(trail=trail, organization_id=other.pk, device_id=device.pk)
        assert not trail.entries
    assert is_good(text)


def test_desktop_tokens_end_by_device_by_member_and_all_together(acme, mei):
    bo = make_member(acme, "bo@acme.example")
    strange = make_member(make_organization("other").organization, "mei@other.example")
    first, text1 = sign_in(mei, "d1")
    _, text2 = sign_in(mei, "d2")
    _, text3 = sign_in(bo, "d1")
    _, foreign = sign_in(strange, "d1")
    report = make_token(acme, Scope.USAGE_READ, member=mei).text
    texts = [text1, text2, text3, foreign, report]

    assert len(revoke(acme, device_id=first.pk)) == 1
    assert [is_good(text) for text in texts] == [False, True, True, True, True]
    assert len(revoke(acme, member_id=mei.pk)) == 1
    assert [is_good(text) for text in texts] == [False, False, True, True, True]
    assert len(revoke(acme)) == 1
    assert [is_good(text) for text in texts] == [False, False, False, True, True]
    assert revoke(acme) == []


def test_each_token_that_ends_is_recorded(acme, mei):
    _, text = sign_in(mei)
    token = get_token(text, at=NOW)
    assert revoke(acme) == [token.pk]
    event = last_event()
    assert (event.action, event.target_id) == ("token.revoked", str(token.pk))
    assert event.diff == {"revoked_at": [None, "2026-11-24T09:00:00+00:00"]}


def test_tokens_of_one_member_do_not_end_by_another_organizations_id(acme, mei):
    _, text = sign_in(mei)
    other = make_organization("other").organization
    assert revoke(other, member_id=mei.pk) == []
    assert is_good(text)


@pytest.mark.parametrize("scope", [Scope.DESKTOP, Scope.USAGE_READ])
def test_a_device_has_tokens_of_its_member_and_of_a_desktop_only(acme, mei, scope):
    device, _ = sign_in(mei)
    owner = mei if scope is not Scope.DESKTOP else make_member(acme, "bo@acme.example")
    with pytest.raises(TokenDoesNotFit), recording(actor=OPERATOR, at=NOW) as trail:
        create_token(
            trail=trail,
            organization_id=acme.pk,
            scopes=frozenset({scope}),
            member=owner,
            device=device,
        )
    assert AccessToken.objects.count() == 1


def test_the_switch_is_recorded_once(acme, mei):
    def switch(*, is_enabled):
        with recording(actor=OPERATOR, at=NOW) as trail:
            return set_device_sign_in(trail=trail, organization_id=acme.pk, is_enabled=is_enabled)

    _, text = sign_in(mei)
    assert acme.is_device_sign_in_enabled
    assert switch(is_enabled=False)
    assert not switch(is_enabled=False)
    acme.refresh_from_db()
    assert not acme.is_device_sign_in_enabled
    events = AuditEvent.objects.filter(action="organization.device_sign_in_switched")
    assert [event.diff for event in events] == [{"is_device_sign_in_enabled": [True, False]}]
    assert is_good(text)
    assert switch(is_enabled=True)
