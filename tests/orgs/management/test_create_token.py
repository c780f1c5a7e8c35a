import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from orgs.domain.roles import Scope
from orgs.models import AccessToken, AuditEvent
from orgs.selectors.tokens import get_token
from tests.factories.orgs import make_member, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def acme():
    return make_organization("acme").organization


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_json_document_is_all_there_is_on_stdout(acme):
    out, err = run("--organization=acme", "--scope=usage:read", "--scope=billing:read", "--json")
    document = json.loads(out)
    token = AccessToken.objects.get()
    assert document == {
        "token": document["token"],
        "id": token.pk,
        "scopes": ["billing:read", "usage:read"],
        "expires_at": None,
    }
    assert err == ""
    assert get_token(document["token"], at=timezone.now()) == token
    assert (token.organization, token.member, token.kind) == (acme, None, "ofo")
    assert AuditEvent.objects.order_by("sequence").last().actor_label == "create_token"


def test_without_json_stdout_is_the_token_alone():
    out, err = run("--organization=acme", "--scope=usage:read")
    assert out.startswith("ofo_")
    assert out.count("\n") == 1
    assert "not shown again" in err


def test_a_metering_token_for_all_organizations_is_bound_to_a_source():
    out, _ = run(
        "--all-organizations", "--scope=metering:write", "--source=/runners/eu-1", "--json"
    )
    assert json.loads(out)["token"].startswith("ofm_")
    token = AccessToken.objects.get()
    assert (token.organization, token.source_prefix) == (None, "/runners/eu-1")


def test_a_token_of_a_user_with_an_expiry(acme):
    member = make_member(acme, "mei@acme.example")
    before = timezone.now()
    out, _ = run(
        "--organization=acme",
        "--scope=desktop",
        "--user=Mei@acme.example",
        "--expires-in-days=30",
        "--name=Laptop",
        "--json",
    )
    token = AccessToken.objects.get()
    assert (token.kind, token.member, token.name) == ("ofd", member, "Laptop")
    assert token.expires_at - before >= timedelta(days=30)
    assert json.loads(out)["expires_at"].endswith("Z")
    assert token.scopes == [Scope.DESKTOP]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--organization=none", "--scope=usage:read"], "there is no organization none"),
        (
            ["--organization=acme", "--scope=usage:read", "--user=bo@acme.example"],
            "bo@acme.example is not an active member of acme",
        ),
        (["--organization=acme", "--scope=desktop"], "belongs to a user"),
        (
            ["--organization=acme", "--scope=metering:write", "--scope=usage:read"],
            "stands alone",
        ),
        (["--all-organizations", "--scope=usage:read"], "for all organizations"),
        (
            ["--all-organizations", "--scope=metering:write", "--user=owner@acme.example"],
            "--user needs --organization",
        ),
        (
            ["--organization=acme", "--scope=metering:write", "--user=owner@acme.example"],
            "belongs to no user",
        ),
        (["--organization=acme", "--scope=usage:read", "--source=/x"], "bound to event sources"),
        (["--organization=acme", "--scope=usage:read", "--expires-in-days=0"], "from 1 to 3650"),
        (["--organization=acme", "--scope=usage:read", f"--name={'n' * 201}"], "at most 200"),
        (
            ["--organization=acme", "--scope=metering:write", f"--source={'s' * 257}"],
            "at most 256",
        ),
        (["--scope=usage:read"], "--organization --all-organizations"),
        (["--organization=acme"], "--scope"),
        (["--organization=acme", "--scope=everything"], "everything"),
        (
            ["--organization=acme", "--all-organizations", "--scope=metering:write"],
            "not allowed with",
        ),
    ],
)
def test_what_cannot_be_is_one_clear_line(arguments, message):
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not AccessToken.objects.exists()
