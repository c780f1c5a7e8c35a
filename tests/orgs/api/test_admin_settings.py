"""The policy as Docker's settings file, by API and in the browser."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from orgs.domain.roles import Role, Scope
from orgs.domain.rules import Rules, SwitchState, TimeoutRule
from orgs.selectors.policies import get_policy
from tests.factories.billing import make_empty_organization
from tests.factories.orgs import NOW, make_member, make_token, make_user
from tests.factories.policies import save_rules

pytestmark = pytest.mark.django_db
URL = "/api/v1/organizations/acme/policy/admin-settings"
PAGE = "/o/acme/policy/admin-settings.json"
FILE = """{
  "configurationFileVersion": 2,
  "exposeDockerAPIOnTCP2375": {"locked": true, "value": false},
  "enableCloud": {"locked": true, "value": true},
  "offloadIdleTimeoutSeconds": {"locked": false, "value": 300, "minimum": 60, "maximum": 900}
}
"""
BAD = FILE.replace('"value": true}', '"value": "yes"}').replace("60", "5")


@pytest.fixture
def acme():
    return make_empty_organization(NOW, slug="acme").organization


@pytest.fixture
def owner(acme):
    made = make_token(
        acme, Scope.POLICY_READ, Scope.POLICY_WRITE, member=acme.members.get(role="owner")
    )
    return {"Authorization": f"Bearer {made.text}"}


def put(client, content, owner, tag='"1"'):
    return client.put(
        URL, content, content_type="application/json", headers=owner | {"If-Match": tag}
    )


def test_a_file_is_put_in_force_and_comes_back(client, acme, owner):
    taken = put(client, FILE, owner)
    assert (taken.status_code, taken.json()["ignored"]) == (
        200,
        [{"line": 3, "key": "exposeDockerAPIOnTCP2375"}],
    )
    assert get_policy(organization_id=acme.pk).rules == Rules(
        offload_enabled=SwitchState.ALWAYS_ENABLED,
        idle_timeout_seconds=TimeoutRule(minimum=60, maximum=900, default=300, locked=False),
        gpu_enabled=SwitchState.USER_DEFINED,
    )
    given = client.get(URL, headers=owner)
    assert given["ETag"] == '"2"'
    assert given["Content-Disposition"] == 'attachment; filename="admin-settings.json"'
    assert put(client, given.content, owner, '"2"')["ETag"] == '"2"'


def test_every_mistake_has_its_line(client, acme, owner):
    refused = put(client, BAD, owner)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (400, "invalid_settings_file")
    assert [error["detail"].split(":")[0] for error in problem["errors"]] == [
        "Line 4, column 35",
        "Line 5, column 64",
    ]
    assert get_policy(organization_id=acme.pk).revision == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"configurationFileVersion": 2,\n\xff}', "not_utf_8"),
        (b" " * (256 * 1024 + 1), "too_large"),
        (b"[]", "not_an_object"),
        (b'{"configurationFileVersion": 3}', "unknown_version"),
    ],
)
def test_what_is_no_settings_file_is_named(client, owner, content, code):
    refused = put(client, content, owner)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, code)


def test_it_is_a_save_like_any_other(client, acme, owner):
    without = client.put(URL, FILE, content_type="application/json", headers=owner)
    assert without.status_code == 428
    save_rules(acme, Rules(gpu_enabled=SwitchState.ENABLED), at=NOW)
    assert put(client, FILE, owner).status_code == 412


def sign_in(client, acme, role):
    user = make_user(f"{role.value}@people.example", locale="en")
    client.force_login(user)
    make_member(acme, user.email, role=role, user=user)


def upload(client, content):
    return client.post(PAGE, {"file": SimpleUploadedFile("admin-settings.json", content)})


def test_in_the_browser_a_file_fills_the_form_and_saves_nothing(client, acme):
    sign_in(client, acme, Role.OWNER)
    page = upload(client, FILE.encode()).content.decode()
    assert "Nothing is saved yet." in page
    assert "exposeDockerAPIOnTCP2375" in page
    assert 'value="always_enabled" checked' in page
    assert 'name="maximum"' in page
    assert 'value="900"' in page
    assert get_policy(organization_id=acme.pk).revision == 1
    assert client.get(PAGE)["Content-Type"] == "application/json"


def test_in_the_browser_mistakes_are_listed_by_line(client, acme):
    sign_in(client, acme, Role.OWNER)
    answer = upload(client, BAD.encode())
    assert answer.status_code == 400
    assert "Line 4, column 35" in answer.content.decode()
    assert client.post(PAGE).status_code == 400


def test_who_may_not_write_may_not_upload(client, acme):
    sign_in(client, acme, Role.AUDITOR)
    assert client.get(PAGE).status_code == 200
    assert upload(client, FILE.encode()).status_code == 403
