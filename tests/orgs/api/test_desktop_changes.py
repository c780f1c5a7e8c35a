"""Whatever decides about a member shows in their Desktop within a second, and in no other's."""

from datetime import timedelta

import pytest

from orgs.domain.products import Product
from orgs.domain.rules import Setting, SpendingState
from orgs.models import Member, PolicyException, Team
from orgs.services.effective_settings import bump_generation, refresh_settings
from orgs.services.exceptions import grant_exception, revoke_exception
from orgs.services.products import switch_product
from orgs.services.spending import set_spending_state
from orgs.services.tokens import revoke_token
from tests.factories.desktops import add_member, in_recording, put_policy, sign_in
from tests.factories.orgs import assign_team, make_organization, make_team

pytestmark = pytest.mark.django_db
TIMEOUT = {"minimum": 60, "maximum": 900, "default": 300}


@pytest.fixture
def acme(clock):
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    """A member of the team `backend`."""
    member = add_member(acme, "mei@acme.example")
    assign_team(member, make_team(acme, "backend"))
    return sign_in(member)


@pytest.fixture
def hao(acme):
    """A member of no team."""
    return sign_in(add_member(acme, "hao@acme.example"))


@pytest.fixture(autouse=True)
def _all_have_polled(mei, hao, clock):
    mei.poll()
    hao.poll()
    clock.forward()
    assert (mei.poll().status_code, hao.poll().status_code) == (304, 304)


def value(desktop, setting):
    return desktop.document["settings"][setting]["value"]


def exception(acme, desktop, clock, rule, *, days=1.0):
    return in_recording(
        clock.now,
        lambda trail: grant_exception(
            trail=trail,
            member=desktop.member,
            setting=Setting.IDLE_TIMEOUT_SECONDS,
            rule=rule,
            reason="a long build",
            expires_at=clock.now + timedelta(days=days),
        ),
    )


def test_a_policy_of_the_organization(acme, mei, hao, clock):
    put_policy(acme, {"idle_timeout_seconds": TIMEOUT | {"default": 120}}, at=clock.now)
    clock.forward()
    for desktop in (mei, hao):
        assert desktop.poll().status_code == 200
        assert value(desktop, "idle_timeout_seconds") == 120
        assert desktop.poll().status_code == 304
    assert mei.document["revision"] == hao.document["revision"]


def test_a_policy_that_changes_nothing_for_a_member_leaves_their_etag(acme, mei, hao, clock):
    backend = Team.objects.get(slug="backend")
    put_policy(acme, {"idle_timeout_seconds": {"default": 600}}, at=clock.now, team=backend)
    clock.forward()
    assert mei.poll().status_code == 200
    assert value(mei, "idle_timeout_seconds") == 600
    before = hao.document
    hao_etag = hao.etag
    assert hao.poll().status_code == 304
    hao.etag = ""
    assert (hao.poll()["ETag"], hao.document) == (hao_etag, before)


def test_an_order_of_teams(acme, mei, hao, clock):
    frontend = make_team(acme, "frontend")
    backend = Team.objects.get(slug="backend")
    clock.forward()
    assign_team(mei.member, frontend, since=clock.now)
    put_policy(acme, {"gpu_enabled": {"state": "enabled"}}, at=clock.now, team=backend)
    put_policy(acme, {"gpu_enabled": {"state": "disabled"}}, at=clock.now, team=frontend)
    clock.forward()
    mei.poll()
    assert value(mei, "gpu_enabled") is True
    # as the service that orders teams has to do it
    Team.objects.filter(pk=backend.pk).update(priority=99)
    refresh_settings(organization_id=acme.pk, at=clock.now)
    clock.forward()
    assert mei.poll().status_code == 200
    assert value(mei, "gpu_enabled") is False
    assert hao.poll().status_code == 304


def test_a_membership_of_a_team(acme, mei, hao, clock):
    backend = Team.objects.get(slug="backend")
    put_policy(acme, {"gpu_enabled": {"state": "always_enabled"}}, at=clock.now, team=backend)
    clock.forward()
    mei.poll()
    assert hao.poll().status_code == 304
    assign_team(hao.member, backend, since=clock.now)
    clock.forward()
    assert hao.poll().status_code == 200
    assert hao.document["settings"]["gpu_enabled"]["reasons"] == ["LOCKED_BY_TEAM"]
    assert mei.poll().status_code == 304


def test_an_exception_and_its_end_with_nothing_that_runs_then(acme, mei, hao, clock):
    put_policy(acme, {"idle_timeout_seconds": TIMEOUT | {"locked": True}}, at=clock.now)
    clock.forward()
    mei.poll()
    hao.poll()
    first = mei.document
    exception(acme, mei, clock, {"default": 3600, "maximum": 3600}, days=1)
    granted_at = clock.seconds
    clock.forward()
    assert mei.poll().status_code == 200
    assert value(mei, "idle_timeout_seconds") == 3600
    during = mei.document["revision"]
    clock.forward(granted_at + 86_400 - clock.seconds - 0.001)
    assert mei.poll().status_code == 304
    clock.forward(0.001)
    assert mei.poll().status_code == 200  # at the instant itself: no generation changed
    assert mei.document["settings"] == first["settings"]
    assert mei.document["revision"] == during + 1
    assert mei.poll().status_code == 304
    assert hao.poll().status_code == 304


def test_an_exception_that_is_revoked(acme, mei, hao, clock):
    exception(acme, mei, clock, {"default": 3600, "maximum": 3600})
    clock.forward()
    mei.poll()
    number = PolicyException.objects.get().pk
    in_recording(
        clock.now,
        lambda trail: revoke_exception(
            trail=trail, organization_id=acme.pk, number=number, note=""
        ),
    )
    clock.forward()
    assert mei.poll().status_code == 200
    assert value(mei, "idle_timeout_seconds") == 300
    assert hao.poll().status_code == 304


def test_the_end_of_an_exception_that_changes_nothing_is_no_news(acme, mei, clock):
    """Without the entitlement Offload is off, whatever an exception says of it."""
    in_recording(
        clock.now,
        lambda trail: switch_product(
            trail=trail,
            organization_id=acme.pk,
            product=Product.OFFLOAD,
            is_enabled=False,
            reason="",
        ),
    )
    clock.forward()
    mei.poll()
    in_recording(
        clock.now,
        lambda trail: grant_exception(
            trail=trail,
            member=mei.member,
            setting=Setting.OFFLOAD_ENABLED,
            rule={"state": "always_enabled"},
            reason="a demo",
            expires_at=clock.now + timedelta(hours=1),
        ),
    )
    clock.forward()
    assert mei.poll().status_code == 304
    clock.forward(3600)
    assert mei.poll().status_code == 304


def test_the_entitlement(acme, mei, hao, clock):
    in_recording(
        clock.now,
        lambda trail: switch_product(
            trail=trail,
            organization_id=acme.pk,
            product=Product.OFFLOAD,
            is_enabled=False,
            reason="a pause",
        ),
    )
    clock.forward()
    for desktop in (mei, hao):
        assert desktop.poll().status_code == 200
        switch = desktop.document["settings"]["offload_enabled"]
        assert (switch["value"], switch["reasons"]) == (False, ["ENTITLEMENT_OFF"])


def test_the_spending_state(acme, mei, hao, clock):
    for state, is_on in (
        (SpendingState.WARNING, True),
        (SpendingState.BLOCKED, False),
        (SpendingState.OK, True),
    ):
        in_recording(
            clock.now,
            lambda trail, state=state: set_spending_state(
                trail=trail, organization_id=acme.pk, state=state
            ),
        )
        clock.forward()
        for desktop in (mei, hao):
            assert desktop.poll().status_code == 200
            assert desktop.document["spending"] == {"state": state.value}
            assert value(desktop, "offload_enabled") is is_on


def test_a_choice_shows_at_once_on_the_desktop_that_made_it(mei, hao, clock):
    beside = sign_in(mei.member)
    beside.poll()
    etag = mei.choose({"gpu_enabled": True})["ETag"]
    assert etag != mei.etag
    mei.etag = etag
    assert mei.poll().status_code == 304
    clock.forward()
    assert beside.poll().status_code == 200
    assert beside.etag == etag
    assert value(beside, "gpu_enabled") is True
    assert hao.poll().status_code == 304


def test_a_revoked_token(acme, mei, hao, clock):
    beside = sign_in(mei.member)
    beside.poll()
    in_recording(
        clock.now,
        lambda trail: revoke_token(trail=trail, organization_id=acme.pk, token_id=mei.token_id),
    )
    clock.forward()
    answer = mei.poll()
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert (beside.poll().status_code, hao.poll().status_code) == (304, 304)


def test_a_token_expires_at_its_instant(mei, clock):
    desktop = sign_in(mei.member, lifetime=timedelta(minutes=10))
    desktop.poll()
    clock.forward(599.9 - clock.seconds)
    assert desktop.poll().status_code == 304
    clock.forward(0.1)
    answer = desktop.poll()
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


def test_a_member_who_is_removed(acme, mei, hao, clock):
    # as the service that removes members has to do it
    Member.objects.filter(pk=mei.member.pk).update(status=Member.Status.REMOVED)
    bump_generation(organization_id=acme.pk)
    clock.forward()
    answer = mei.poll()
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    assert hao.poll().status_code == 304


def test_an_address_that_changes(acme, mei, hao, clock):
    Member.objects.filter(pk=mei.member.pk).update(email="mei.li@acme.example")
    bump_generation(organization_id=acme.pk)
    clock.forward()
    assert mei.poll().status_code == 200
    assert mei.document["user"] == "mei.li@acme.example"
    assert hao.poll().status_code == 304


def test_nothing_of_another_organization_matters(mei, hao, clock):
    other = make_organization("other").organization
    put_policy(other, {"gpu_enabled": {"state": "always_enabled"}}, at=clock.now)
    clock.forward()
    assert (mei.poll().status_code, hao.poll().status_code) == (304, 304)
