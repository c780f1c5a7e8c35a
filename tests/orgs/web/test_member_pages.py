"""Members, what holds for each, exceptions, and one's own page."""

import pytest

from orgs.domain.roles import Role
from orgs.models import PolicyException
from orgs.selectors.settings_versions import find_held
from tests.factories.billing import make_empty_organization
from tests.factories.orgs import NOW, make_member, make_user

pytestmark = pytest.mark.django_db
ASK = {"setting": "gpu_enabled", "reason": "A trial", "days": "14"}


@pytest.fixture
def acme():
    return make_empty_organization(NOW, slug="acme").organization


@pytest.fixture
def sign_in(client, acme):
    def enter(role: Role):
        user = make_user(f"{role.value}@people.example", locale="en")
        client.force_login(user)
        return make_member(acme, user.email, role=role, user=user)

    return enter


def test_a_wish_is_approved_and_holds_at_once(client, acme, sign_in):
    mei = sign_in(Role.MEMBER)
    assert client.post("/o/acme/exceptions/ask/", ASK).status_code == 302
    asked = PolicyException.objects.get()
    assert (asked.member_id, asked.state, asked.rule) == (
        mei.pk,
        "requested",
        {"state": "enabled"},
    )
    assert "Waiting for a decision" in client.get("/o/acme/my/").content.decode()

    admin = sign_in(Role.POLICY_ADMIN)
    page = client.get("/o/acme/exceptions/").content.decode()
    assert "A trial" in page
    data = {"act": "approve", "note": "For the trial"}
    assert client.post(f"/o/acme/exceptions/{asked.pk}/", data).status_code == 302
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by_id) == ("granted", admin.pk)
    held = find_held(organization_id=acme.pk, member_id=mei.pk, at=asked.decided_at)
    assert held.version.is_gpu_enabled
    assert held.valid_until == asked.expires_at
    ladder = client.get(f"/o/acme/members/{mei.pk}/settings/").content.decode()
    assert f"Exception <b>#{asked.pk}</b>" in ladder


def test_what_is_wrong_with_a_grant_is_said_and_nothing_written(client, acme, sign_in):
    sign_in(Role.OWNER)
    answer = client.post(
        "/o/acme/exceptions/",
        {"member": "owner@people.example", "setting": "idle_timeout_seconds", "days": "91"},
    )
    page = answer.content.decode()
    assert answer.status_code == 400
    for text in ("Say what the exception allows.", "Give a reason.", "within 90 days"):
        assert text in page
    stranger = client.post("/o/acme/exceptions/", ASK | {"member": "nobody@elsewhere.example"})
    assert "There is no such member." in stranger.content.decode()
    assert not PolicyException.objects.exists()


@pytest.mark.parametrize("act", ["approve", "refuse", "revoke"])
def test_a_member_decides_nothing(client, acme, sign_in, act):
    sign_in(Role.MEMBER)
    client.post("/o/acme/exceptions/ask/", ASK)
    asked = PolicyException.objects.get()
    assert client.post(f"/o/acme/exceptions/{asked.pk}/", {"act": act}).status_code == 403
    assert client.get("/o/acme/exceptions/").status_code == 403
    asked.refresh_from_db()
    assert asked.state == "requested"
    assert client.post(f"/o/acme/exceptions/{asked.pk}/", {"act": "withdraw"}).status_code == 302
    asked.refresh_from_db()
    assert asked.state == "withdrawn"


def test_a_second_decision_is_answered_in_words(client, acme, sign_in):
    sign_in(Role.OWNER)
    client.post("/o/acme/exceptions/ask/", ASK)
    number = PolicyException.objects.get().pk
    for act in ("refuse", "approve"):
        client.post(f"/o/acme/exceptions/{number}/", {"act": act})
    assert PolicyException.objects.get().state == "refused"
    page = client.get("/o/acme/exceptions/").content.decode()
    assert "Somebody has decided this already." in page


def test_own_settings_are_open_to_a_member_and_others_are_not(client, acme, sign_in):
    mei = sign_in(Role.MEMBER)
    other = make_member(acme, "other@people.example")
    assert client.get(f"/o/acme/members/{mei.pk}/settings/").status_code == 200
    assert client.get(f"/o/acme/members/{other.pk}/settings/").status_code == 403
    assert client.get("/o/acme/members/").status_code == 403
    assert client.get("/o/acme/my/").status_code == 200


def test_members_of_other_organizations_are_not_there(client, acme, sign_in):
    sign_in(Role.OWNER)
    beta = make_empty_organization(NOW, slug="beta").organization
    theirs = make_member(beta, "x@beta.example")
    assert client.get(f"/o/acme/members/{theirs.pk}/settings/").status_code == 404
    assert "x@beta.example" not in client.get("/o/acme/members/?q=x").content.decode()
    answer = client.post("/o/acme/exceptions/", ASK | {"member": theirs.email})
    assert answer.status_code == 400


def test_a_thousand_members_cost_as_many_queries_as_one(
    client, acme, sign_in, django_assert_max_num_queries
):
    sign_in(Role.OWNER)
    for number in range(30):
        make_member(acme, f"u{number:03}@people.example")
    with django_assert_max_num_queries(12):
        assert client.get("/o/acme/members/").status_code == 200
