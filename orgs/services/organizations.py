"""Making an organization, complete from its first instant."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from orgs.domain.names import require_slug
from orgs.domain.policy_documents import rules_document
from orgs.domain.products import Plan, Product, is_entitled
from orgs.domain.roles import Role
from orgs.domain.rules import DEFAULT_RULES
from orgs.models import Entitlement, Member, Organization, PolicyRevision, Subscription, User
from orgs.services.audit import AuditTrail
from orgs.services.effective_settings import next_revision, refresh_settings
from orgs.services.members import require_email


class OrganizationExists(Exception):
    """The slug is taken."""


class OffloadNotEntitled(Exception):
    """The plan does not bring Offload, so that it cannot be enabled."""


class NameMissing(ValueError):
    """An organization without a name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CreatedOrganization:
    """The new organization and its first owner, whose `user` is loaded."""

    organization: Organization
    owner: Member


def create_organization(
    *,
    trail: AuditTrail,
    slug: str,
    name: str,
    owner_email: str,
    plan: Plan,
    is_offload_enabled: bool,
) -> CreatedOrganization:
    """Store an organization with its owner, plan, entitlements and first policy revision.

    The owner's user is made without a password unless one with this address exists: users are
    global. Every product that the plan brings is on, except Offload, which waits for an owner
    unless `is_offload_enabled`.

    Raises `InvalidSlug`, `NameMissing`, `InvalidEmail`, `OffloadNotEntitled` before anything is
    written, `OrganizationExists` for a slug that is taken.
    """
    require_slug(slug)
    if not name.strip():
        msg = "an organization needs a name"
        raise NameMissing(msg)
    email = require_email(owner_email)
    if is_offload_enabled and not is_entitled(plan=plan, product=Product.OFFLOAD):
        msg = f"the plan {plan.value} does not bring Offload; it needs {Plan.BUSINESS.value}"
        raise OffloadNotEntitled(msg)

    organization = _store_organization(slug=slug, name=name.strip(), trail=trail)
    user, _ = User.objects.get_or_create(email=email, defaults={"password": make_password(None)})
    owner = Member.objects.create(
        organization=organization,
        email=email,
        name=user.name,
        role=Role.OWNER,
        user=user,
        created_at=trail.at,
    )
    _store_products(organization, plan=plan, is_offload_enabled=is_offload_enabled)
    PolicyRevision.objects.create(
        organization=organization,
        scope=PolicyRevision.Scope.ORGANIZATION,
        revision=next_revision(organization_id=organization.pk),
        document=rules_document(DEFAULT_RULES),
        created_at=trail.at,
    )
    refresh_settings(organization_id=organization.pk, at=trail.at, revision=1)
    trail.add(
        organization_id=organization.pk,
        action="organization.created",
        target=("organization", organization.pk),
        diff={
            "slug": [None, slug],
            "name": [None, organization.name],
            "plan": [None, plan.value],
            "offload_enabled": [None, is_offload_enabled],
            "policy_revision": [None, 1],
        },
    )
    trail.add(
        organization_id=organization.pk,
        action="member.added",
        target=("member", owner.pk),
        diff={"role": [None, Role.OWNER.value]},
        personal={"email": email},
    )
    return CreatedOrganization(organization=organization, owner=owner)


def set_device_sign_in(*, trail: AuditTrail, organization_id: int, is_enabled: bool) -> bool:
    """Let Docker Desktops sign in to the organization, or let none; False if nothing changes.

    Switched off, sign-ins under way are refused and no new token is made. Desktops that are
    signed in stay so: `revoke_device_tokens` signs them out.
    """
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    before = organization.is_device_sign_in_enabled
    if before == is_enabled:
        return False
    organization.is_device_sign_in_enabled = is_enabled
    organization.save(update_fields=["is_device_sign_in_enabled"])
    trail.add(
        organization_id=organization_id,
        action="organization.device_sign_in_switched",
        target=("organization", organization_id),
        diff={"is_device_sign_in_enabled": [before, is_enabled]},
    )
    return True


def _store_organization(*, slug: str, name: str, trail: AuditTrail) -> Organization:
    try:
        with transaction.atomic():
            return Organization.objects.create(slug=slug, name=name, created_at=trail.at)
    except IntegrityError as error:
        msg = f"an organization with the slug {slug} exists"
        raise OrganizationExists(msg) from error


def _store_products(organization: Organization, *, plan: Plan, is_offload_enabled: bool) -> None:
    Subscription.objects.create(organization=organization, plan=plan)
    Entitlement.objects.bulk_create(
        Entitlement(
            organization=organization,
            product=product,
            is_entitled=is_entitled(plan=plan, product=product),
            is_enabled=is_offload_enabled
            if product is Product.OFFLOAD
            else is_entitled(plan=plan, product=product),
        )
        for product in Product
    )
