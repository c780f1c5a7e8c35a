import pytest

from orgs.domain.roles import Role, Scope
from tests.factories.orgs import make_member, make_organization, make_token, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]
ADDRESS = "/api/v1/organizations/acme"
DOCUMENT = {
    "slug": "acme",
    "name": "Acme",
    "plan": "business",
    "products": [
        {"product": "desktop", "entitled": True, "enabled": True},
        {"product": "hub", "entitled": True, "enabled": True},
        {"product": "build_cloud", "entitled": True, "enabled": True},
        {"product": "scout", "entitled": True, "enabled": True},
        {"product": "testcontainers_cloud", "entitled": True, "enabled": True},
        {"product": "offload", "entitled": True, "enabled": True},
    ],
    "role": None,
}


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.mark.parametrize("role", [Role.OWNER, Role.MEMBER])
def test_every_member_reads_their_organization_and_role(client, acme, role):
    user = make_user("mei@acme.example")
    make_member(acme, user.email, role=role, user=user)
    client.force_login(user)
    answer = client.get(ADDRESS)
    assert answer.status_code == 200
    assert answer.json() == DOCUMENT | {"role": role.value}


def test_a_token_reads_it_within_a_fixed_number_of_queries(
    client, acme, django_assert_num_queries
):
    text = make_token(acme, Scope.USAGE_READ).text
    headers = {"Authorization": f"Bearer {text}"}
    # token, its last use, organization, plan, products
    with django_assert_num_queries(5):
        assert client.get(ADDRESS, headers=headers).json() == DOCUMENT


@pytest.mark.parametrize("scope", [Scope.METERING_WRITE])
def test_a_runner_has_no_business_here(client, acme, scope):
    text = make_token(acme, scope).text
    answer = client.get(ADDRESS, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 403
