"""Switching products: Offload reaches every Desktop, the others nobody's."""

from datetime import timedelta

import pytest

from orgs.domain.products import Plan, Product
from orgs.models import AuditEvent, Entitlement
from orgs.services.audit import recording
from orgs.services.products import ProductNotEntitled, switch_product
from tests.factories.orgs import NOW, OPERATOR, make_organization
from tests.factories.policy import choose_as, everything_stored, held, join

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def acme():
    return make_organization("acme").organization


def switch(organization, product, *, is_enabled, at=LATER):
    with recording(actor=OPERATOR, at=at) as trail:
        switch_product(
            trail=trail,
            organization_id=organization.pk,
            product=product,
            is_enabled=is_enabled,
            reason="budget",
        )


def state(organization, product):
    return Entitlement.objects.values_list("is_entitled", "is_enabled").get(
        organization=organization, product=product
    )


def test_without_offload_nobody_may_use_it_whatever_they_chose(acme):
    [mei] = join(acme, "mei")
    choose_as(mei, offload_enabled=True)
    switch(acme, Product.OFFLOAD, is_enabled=False)
    assert state(acme, "offload") == (True, False)
    settings = held(mei, at=LATER).settings["offload_enabled"]
    assert settings == {
        "value": False,
        "state": "always_disabled",
        "locked": True,
        "chosen": True,
        "source": {"level": "entitlement"},
        "reasons": ["ENTITLEMENT_OFF"],
    }
    assert not held(mei, at=LATER).is_offload_enabled
    event = AuditEvent.objects.order_by("sequence").last()
    assert (event.action, event.target_kind, event.target_id, event.reason, event.diff) == (
        "product.switched",
        "product",
        "offload",
        "budget",
        {"enabled": [True, False]},
    )
    again = LATER + timedelta(days=1)
    switch(acme, Product.OFFLOAD, is_enabled=True, at=again)
    assert held(mei, at=again).settings["offload_enabled"]["value"] is True
    assert held(mei, at=again).revision > held(mei, at=LATER).revision


def test_another_product_changes_no_settings(acme):
    [mei] = join(acme, "mei")
    before = held(mei)
    switch(acme, Product.SCOUT, is_enabled=False)
    assert state(acme, "scout") == (True, False)
    assert held(mei, at=LATER) == before


@pytest.mark.parametrize(("product", "is_enabled"), [(Product.OFFLOAD, True), (Product.HUB, True)])
def test_switching_to_what_it_is_writes_nothing(acme, product, is_enabled):
    stored = everything_stored()
    switch(acme, product, is_enabled=is_enabled)
    assert everything_stored() == stored


def test_what_the_plan_does_not_bring_stays_off():
    small = make_organization("small", plan=Plan.TEAM).organization
    stored = everything_stored()
    with pytest.raises(ProductNotEntitled):
        switch(small, Product.OFFLOAD, is_enabled=True)
    switch(small, Product.OFFLOAD, is_enabled=False)  # it is off
    assert state(small, "offload") == (False, False)
    assert everything_stored() == stored


def test_another_organization_keeps_its_products(acme):
    other = make_organization("other").organization
    [bo] = join(other, "bo")
    before = held(bo)
    switch(acme, Product.OFFLOAD, is_enabled=False)
    assert state(other, "offload") == (True, True)
    assert held(bo, at=LATER) == before
