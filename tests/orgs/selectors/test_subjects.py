import pytest

from orgs.selectors.subjects import find_members, find_organizations
from tests.factories.orgs import make_member, make_organization

pytestmark = pytest.mark.django_db


def test_organizations_are_found_by_slug_and_bounded_by_a_token():
    acme = make_organization("acme").organization
    other = make_organization("other").organization
    assert find_organizations({"acme", "other", "none"}) == {"acme": acme.pk, "other": other.pk}
    assert find_organizations({"acme", "other"}, organization_id=acme.pk) == {"acme": acme.pk}


def test_members_are_found_by_address_in_any_case_or_by_id(django_assert_num_queries):
    acme = make_organization("acme").organization
    other = make_organization("other").organization
    mei = make_member(acme, "mei@x.example")
    twin = make_member(other, "mei@x.example", status="removed")
    wanted = {
        (acme.pk, "Mei@X.example"),
        (acme.pk, "mei@x.example"),
        (acme.pk, str(mei.pk)),
        (other.pk, "mei@x.example"),
        (other.pk, str(mei.pk)),
        (acme.pk, "bo@x.example"),
        (acme.pk, "9" * 40),
        (acme.pk, "٣"),
    }
    with django_assert_num_queries(1):
        found = find_members(wanted)
    assert found == {
        (acme.pk, "Mei@X.example"): mei.pk,
        (acme.pk, "mei@x.example"): mei.pk,
        (acme.pk, str(mei.pk)): mei.pk,
        (other.pk, "mei@x.example"): twin.pk,
    }


def test_nobody_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert find_members([]) == {}
