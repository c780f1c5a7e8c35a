import pytest

from orgs.domain.names import InvalidSlug
from orgs.domain.products import Plan
from orgs.models import AuditEvent, Entitlement, Member, Organization, PolicyRevision, User
from orgs.selectors.audit import verify_chain
from orgs.services.audit import recording
from orgs.services.members import InvalidEmail
from orgs.services.organizations import (
    NameMissing,
    OffloadNotEntitled,
    OrganizationExists,
    create_organization,
)
from tests.factories.orgs import NOW, OPERATOR, make_organization, make_user

pytestmark = pytest.mark.django_db


def create(**changes):
    with recording(actor=OPERATOR, at=NOW) as trail:
        return create_organization(
            trail=trail,
            **{
                "slug": "acme",
                "name": "Acme",
                "owner_email": "Mei@Acme.example",
                "plan": Plan.BUSINESS,
                "is_offload_enabled": False,
            }
            | changes,
        )


def test_a_new_organization_is_complete():
    created = create()

    assert created.organization.slug == "acme"
    assert created.owner.email == "mei@acme.example"
    assert (created.owner.role, created.owner.status) == ("owner", "active")
    assert created.owner.user is not None
    assert not created.owner.user.has_usable_password()
    assert PolicyRevision.objects.values("scope", "revision", "document", "author").get() == {
        "scope": "organization",
        "revision": 1,
        "document": {
            "offload_enabled": {"state": "user_defined"},
            "idle_timeout_seconds": {
                "minimum": 10,
                "maximum": 3600,
                "default": 300,
                "locked": False,
            },
            "gpu_enabled": {"state": "user_defined"},
        },
        "author": None,
    }
    assert list(AuditEvent.objects.order_by("sequence").values_list("sequence", "action")) == [
        (1, "organization.created"),
        (2, "member.added"),
    ]
    assert verify_chain(organization_id=created.organization.pk) == []


@pytest.mark.parametrize(
    ("plan", "is_enabled", "offload"),
    [
        (Plan.BUSINESS, False, (True, False)),
        (Plan.BUSINESS, True, (True, True)),
        (Plan.TEAM, False, (False, False)),
    ],
)
def test_offload_needs_business_and_waits_for_an_owner(plan, is_enabled, offload):
    create(plan=plan, is_offload_enabled=is_enabled)
    states = {
        product: (entitled, enabled)
        for product, entitled, enabled in Entitlement.objects.values_list(
            "product", "is_entitled", "is_enabled"
        )
    }
    assert states == {
        "desktop": (True, True),
        "hub": (True, True),
        "build_cloud": (True, True),
        "scout": (True, True),
        "testcontainers_cloud": (True, True),
        "offload": offload,
    }


def test_a_person_who_signs_in_elsewhere_is_the_same_user():
    user = make_user("mei@acme.example")
    created = create()
    assert created.owner.user == user
    assert created.owner.user.has_usable_password()
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"slug": "Acme"}, InvalidSlug),
        ({"name": "  "}, NameMissing),
        ({"owner_email": "nobody"}, InvalidEmail),
        ({"owner_email": f"{'m' * 250}@acme.example"}, InvalidEmail),
        ({"plan": Plan.TEAM, "is_offload_enabled": True}, OffloadNotEntitled),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(changes, error):
    with pytest.raises(error):
        create(**changes)
    assert not Organization.objects.exists()
    assert not User.objects.exists()


def test_a_slug_that_is_taken_is_refused_and_nothing_is_written():
    make_organization("acme")
    with pytest.raises(OrganizationExists):
        create(owner_email="bo@acme.example")
    assert Member.objects.count() == 1
    assert User.objects.count() == 1
    assert AuditEvent.objects.count() == 2
