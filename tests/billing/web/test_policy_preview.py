"""What a policy would do, shown before it is saved: page, part, API, and the job for many."""

import json
from datetime import timedelta

import pytest

from billing.web import policy_preview
from orgs.domain.roles import Role, Scope
from orgs.domain.rules import Rules, TimeoutRule
from orgs.models import PolicyRevision
from orgs.services.effective_settings import refresh_settings
from tests.factories.orgs import make_member, make_token, make_user
from tests.factories.policies import save_rules
from tests.factories.usage import fold, make_customer, report

pytestmark = pytest.mark.django_db
FORM = {"offload_enabled": "enabled", "gpu_enabled": "disabled", "minimum": "60", "revision": "1"}


@pytest.fixture
def acme(now):
    """Mei's Desktop waited 1800 s; two days ago she was away for 20 minutes, then for 6."""
    customer = make_customer("acme", since=now - timedelta(days=40))
    organization = customer.organization
    mei = make_member(organization, "mei@acme.example")
    rules = Rules(
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=3600, default=1800, locked=False)
    )
    save_rules(organization, rules, at=now - timedelta(days=39))
    refresh_settings(organization_id=organization.pk, at=now - timedelta(days=39))
    origin = now - timedelta(days=2)
    report(
        customer,
        [("active", 0), ("active", 1200), ("active", 1560)],
        origin=origin,
        idle_timeout=1800,
        subject=mei.email,
    )
    fold(customer)
    return customer


@pytest.fixture
def now():
    from django.utils import timezone

    return timezone.now()


@pytest.fixture
def sign_in(client, acme):
    def enter(role: Role):
        user = make_user(f"{role.value}@people.example", locale="en")
        client.force_login(user)
        return make_member(acme.organization, user.email, role=role, user=user)

    return enter


def test_an_owner_sees_members_use_and_money_before_saving(client, acme, sign_in):
    sign_in(Role.OWNER)
    before = PolicyRevision.objects.count()
    answer = client.post(
        "/o/acme/policy/preview/", FORM | {"maximum": "900", "default": "60"}, headers=HTMX
    )
    page = answer.content.decode()

    assert answer.status_code == 200
    assert "<html" not in page
    assert "mei@acme.example" in page
    assert '<td class="was">30 min</td><td class="now">1 min</td>' in page
    # activity at 0, 1200 and 1560 s: one session of 3360 s then; under 60 s three of 60 s, since
    # idle from 60 to 1200 is over 5 minutes, and 1260 to 1560 is exactly 5 and bridged: two
    assert 'title="3360 seconds"' in page
    assert 'title="480 seconds"' in page
    assert "1 times somebody would have come back to a clean environment" in page
    assert "USD" in page
    assert PolicyRevision.objects.count() == before


HTMX = {"HX-Request": "true"}


def test_a_policy_admin_sees_hours_and_no_money(client, acme, sign_in):
    sign_in(Role.POLICY_ADMIN)
    form = FORM | {"maximum": "900", "default": "60"}
    page = client.post("/o/acme/policy/preview/", form, headers=HTMX).content.decode()
    assert 'title="480 seconds"' in page
    assert "USD" not in page


def test_without_scripts_it_is_a_page_that_saves(client, acme, sign_in):
    sign_in(Role.OWNER)
    form = FORM | {"maximum": "900", "default": "60", "reason": "Shorter"}
    page = client.post("/o/acme/policy/preview/", form).content.decode()
    assert "<html" in page
    assert '<input type="hidden" name="default" value="60">' in page
    assert 'value="Shorter"' in page


def test_rules_that_cannot_be_are_said_and_not_tried(client, acme, sign_in):
    sign_in(Role.OWNER)
    form = FORM | {"maximum": "5"}
    page = client.post("/o/acme/policy/preview/", form, headers=HTMX).content.decode()
    assert "Enter 10 to 3600 seconds." in page


def test_rules_that_change_nobody_say_so(client, acme, sign_in):
    sign_in(Role.OWNER)
    form = {"minimum": "60", "maximum": "3600", "default": "1800", "revision": "1"}
    page = client.post("/o/acme/policy/preview/", form, headers=HTMX).content.decode()
    assert "Nobody&#x27;s effective settings would change." in page or (
        "Nobody's effective settings would change." in page
    )


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER, Role.BILLING_MANAGER])
def test_who_cannot_save_cannot_preview(client, acme, sign_in, role):
    sign_in(role)
    assert client.post("/o/acme/policy/preview/", FORM).status_code == 403
    assert client.get("/o/acme/policy/preview/").status_code == 405


def test_the_same_by_the_api(client, acme):
    owner = acme.organization.members.get(role="owner")
    made = make_token(acme.organization, Scope.POLICY_WRITE, Scope.BILLING_READ, member=owner)
    url = "/api/v1/organizations/acme/policy/preview"
    body = {"settings": {"idle_timeout_seconds": {"maximum": 900, "default": 60}}}
    answer = client.post(
        url,
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.text}"},
    )
    document = answer.json()
    assert answer.status_code == 200
    changes = {each["email"]: each["changes"] for each in document["members"]}
    assert changes["mei@acme.example"] == {"idle_timeout_seconds": [1800, 60]}
    assert len(changes) == document["member_count"]
    replay = document["replay"]
    assert (replay["before"]["billable_seconds"], replay["after"]["billable_seconds"]) == (
        "3360",
        "480",
    )
    assert (replay["before"]["sessions"], replay["after"]["sessions"]) == (1, 2)
    assert (replay["resumes_cut"], replay["resumes_gained"]) == (1, 0)
    assert replay["before"]["estimated_amount"]["currency"] == "USD"

    bad = client.post(
        url,
        json.dumps({"settings": {"idle_timeout_seconds": {"maximum": 5}}, "team": "none"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.text}"},
    )
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (400, "/team")


def test_the_replay_of_many_is_a_job_of_whoever_asked(client, acme, sign_in, monkeypatch):
    owner = sign_in(Role.OWNER)
    monkeypatch.setattr(policy_preview, "REPLAYED_AT_ONCE", 0)
    started = []
    monkeypatch.setattr(
        "billing.tasks.replay_many.delay", lambda **arguments: started.append(arguments)
    )
    form = FORM | {"maximum": "900", "default": "60"}
    page = client.post("/o/acme/policy/preview/", form, headers=HTMX).content.decode()
    (arguments,) = started
    address = f"/o/acme/policy/replays/{arguments['name']}/"
    assert f'hx-get="{address}"' in page
    assert "<progress" in client.get(address, headers=HTMX).content.decode()

    from billing.tasks import replay_many

    # as the broker would hand them over
    replay_many(**json.loads(json.dumps(arguments)))
    done = client.get(address, headers=HTMX).content.decode()
    assert 'title="480 seconds"' in done
    assert arguments["member_id"] == owner.pk

    sign_in(Role.POLICY_ADMIN)
    assert client.get(address, headers=HTMX).status_code == 404
