"""A session that policy forbade at its start is metered, billed, flagged, and shown."""

from datetime import timedelta

import pytest

from billing.models import OffloadSession
from orgs.domain.products import Product
from orgs.domain.rules import Rules, SwitchState
from orgs.selectors.policies import get_policy
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import refresh_settings
from orgs.services.policies import save_policy
from orgs.services.products import switch_product
from tests.factories.orgs import OPERATOR, make_member
from tests.factories.scene import MEI_AT, SINCE
from tests.factories.usage import fold, make_customer, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    customer = make_customer("acme", since=SINCE)
    member = make_member(customer.organization, "mei@acme.example")
    refresh_settings(organization_id=customer.organization.pk, at=SINCE, member_ids=[member.pk])
    return customer


def trail_at(at):
    return AuditTrail(actor=OPERATOR, at=at)


def save(customer, at, **rules):
    current = get_policy(organization_id=customer.organization.pk)
    return save_policy(
        trail=trail_at(at),
        organization=customer.organization,
        rules=Rules(**rules),
        expected_revision=current.revision,
        reason="",
    )


def test_a_start_after_offload_was_forbidden_is_flagged_and_billed(acme):
    report(acme, [("active", 0)], origin=MEI_AT, idle_timeout=300, subject="mei@acme.example")
    off = save(acme, MEI_AT + timedelta(hours=1), offload_enabled=SwitchState.ALWAYS_DISABLED)
    report(
        acme,
        [("active", 7200)],
        origin=MEI_AT,
        idle_timeout=300,
        subject="mei@acme.example",
    )
    fold(acme)

    before, after = OffloadSession.objects.order_by("started_at")
    assert (before.outside_policy, before.policy_revision) == ("", 2)
    assert (after.outside_policy, after.policy_revision) == ("offload_disabled", off.revision)
    assert after.active_until - after.started_at == timedelta(seconds=300)


def test_the_revision_at_the_start_counts_not_the_one_when_it_is_folded(acme):
    switch_product(
        trail=trail_at(MEI_AT + timedelta(hours=1)),
        organization_id=acme.organization.pk,
        product=Product.OFFLOAD,
        is_enabled=False,
        reason="",
    )
    report(acme, [("active", 0)], origin=MEI_AT, idle_timeout=300, subject="mei@acme.example")
    fold(acme)

    assert OffloadSession.objects.get().outside_policy == ""


def test_a_gpu_needs_gpu_support(acme):
    use = {"idle_timeout": 300, "subject": "mei@acme.example", "machine": "gpu-l4"}
    report(acme, [("active", 0)], origin=MEI_AT, **use)
    save(acme, MEI_AT + timedelta(hours=1), gpu_enabled=SwitchState.ENABLED)
    report(acme, [("active", 7200)], origin=MEI_AT, **use)
    fold(acme)

    flags = OffloadSession.objects.order_by("started_at").values_list("outside_policy", flat=True)
    assert list(flags) == ["gpu_disabled", ""]


def test_before_anything_was_decided_nothing_is_flagged(acme):
    long_ago = SINCE - timedelta(hours=2)
    report(acme, [("active", 0)], origin=long_ago, idle_timeout=300, subject="mei@acme.example")
    fold(acme)

    session = OffloadSession.objects.get()
    assert (session.outside_policy, session.policy_revision) == ("", None)
