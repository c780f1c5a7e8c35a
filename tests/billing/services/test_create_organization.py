"""A new organization is whole, or there is none."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.domain.catalog import CurrencyNotSoldError
from billing.domain.periods import UnknownZoneError
from billing.models import BillingAccount, BillingPeriod, Machine, Price, RateCard
from billing.services.organizations import create_organization as create
from billing.services.organizations import ensure_machines
from orgs.domain.products import Plan
from orgs.models import AccessToken, AuditEvent, Member, Organization, User
from tests.factories.orgs import OPERATOR

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 10, 31, 17, 0, tzinfo=UTC)  # 1 November in Shanghai


def create_organization(**changes):
    values = {
        "actor": OPERATOR,
        "now": NOW,
        "slug": "acme",
        "name": "Acme",
        "owner_email": "owner@acme.example",
        "plan": Plan.BUSINESS,
        "currency": "USD",
        "zone": "Asia/Shanghai",
        "is_offload_enabled": True,
    }
    return create(**values | changes)


def test_it_has_all_that_billing_needs():
    made = create_organization()
    account = BillingAccount.objects.get(organization=made.organization)
    assert (account.currency, account.zone, account.last_cutoff) == ("USD", "Asia/Shanghai", None)
    card = RateCard.objects.get(organization=made.organization)
    assert (card.effective_from, card.currency) == (date(2026, 11, 1), "USD")
    assert card.prices.count() == Machine.objects.count() > 0
    assert all(price.hourly_price > Decimal(0) for price in card.prices.all())
    periods = BillingPeriod.objects.filter(organization=made.organization)
    assert [period.label for period in periods] == ["2026-11"]
    assert periods[0].starts_at == datetime(2026, 10, 31, 16, tzinfo=UTC)


def test_the_runners_token_is_bound_to_the_organization_and_the_owner_gets_the_other():
    made = create_organization()
    metering, admin = AccessToken.objects.order_by("kind").all()
    assert made.metering_token.startswith("ofm_")
    assert made.admin_token.startswith("ofo_")
    assert (metering.kind, metering.scopes, metering.member_id) == (
        "ofm",
        ["metering:write"],
        None,
    )
    assert metering.organization_id == admin.organization_id == made.organization.pk
    assert admin.member_id == made.owner.pk
    assert "metering:write" not in admin.scopes


def test_a_second_organization_shares_the_machines():
    create_organization()
    create_organization(slug="beta", owner_email="owner@beta.example", currency="EUR", zone="UTC")
    assert RateCard.objects.count() == 2
    assert Price.objects.count() == 2 * Machine.objects.count()
    assert ensure_machines() == dict(Machine.objects.values_list("name", "id"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"currency": "XAU"}, CurrencyNotSoldError),
        ({"zone": "Mars/Olympus"}, UnknownZoneError),
        ({"slug": "Not A Slug"}, ValueError),
        ({"owner_email": "nobody"}, ValueError),
    ],
)
def test_what_is_refused_leaves_nothing(changes, error):
    with pytest.raises(error):
        create_organization(**changes)
    for model in (Organization, User, Member, BillingAccount, RateCard, BillingPeriod, AccessToken,
                  AuditEvent):  # fmt: skip
        assert not model.objects.exists(), model


def test_a_taken_slug_leaves_the_first_one_alone():
    made = create_organization()
    before = AuditEvent.objects.count()
    with pytest.raises(Exception, match="acme"):
        create_organization(owner_email="other@acme.example")
    assert Organization.objects.get() == made.organization
    assert (AuditEvent.objects.count(), AccessToken.objects.count()) == (before, 2)
