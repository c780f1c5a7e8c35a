"""A Docker Desktop that signs in over HTTP, and a person who lets it."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from orgs.domain.device_sign_in import DeviceFacts
from orgs.models import DeviceSignIn, Member, Organization, User
from orgs.selectors.members import member_actor
from orgs.services.audit import recording
from orgs.services.device_sign_ins import (
    approve_sign_in,
    deny_sign_in,
    open_sign_in,
    start_sign_in,
)
from tests.factories.orgs import make_member, make_user

FORM = "application/x-www-form-urlencoded"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DESKTOP = {
    "client_id": "docker-desktop",
    "device_id": "6f1c7a9e-mei",
    "device_name": "Mei 的 MacBook",
    "os": "macOS 26.1",
    "desktop_version": "4.50.0",
}
ADDRESS = "203.0.113.7"


def post_form(path: str, fields: dict[str, Any], **more: Any) -> HttpResponse:
    """Send a form as a program does: no cookies, no CSRF token, from `ADDRESS`."""
    body = urlencode(fields, doseq=True)
    client = Client(enforce_csrf_checks=True)
    more.setdefault("REMOTE_ADDR", ADDRESS)
    return client.post(path, body, content_type=FORM, **more)


def ask(**changes: Any) -> HttpResponse:
    """Start a sign-in; a change to None leaves the field out."""
    fields = {name: value for name, value in (DESKTOP | changes).items() if value is not None}
    return post_form("/oauth/device/code", fields, HTTP_USER_AGENT="Docker-Desktop/4.50.0")


def start(**changes: Any) -> dict[str, Any]:
    """Start a sign-in and return the codes."""
    answer = ask(**changes)
    assert answer.status_code == 200, answer.content
    return answer.json()


def poll(device_code: str, /, **changes: Any) -> HttpResponse:
    """Ask for the token."""
    fields = {"grant_type": GRANT, "device_code": device_code, "client_id": "docker-desktop"}
    kept = {name: value for name, value in (fields | changes).items() if value is not None}
    return post_form("/oauth/token", kept)


def error_of(answer: HttpResponse) -> tuple[int, str]:
    """Return status and OAuth error code of a refusal."""
    return answer.status_code, answer.json()["error"]


def make_person(
    email: str, *organizations: Organization, **fields: Any
) -> tuple[User, list[Member]]:
    """A person who can sign in, a member of each organization."""
    user = make_user(email)
    return user, [make_member(each, email, user=user, **fields) for each in organizations]


def enter(client: Client, user_code: str) -> DeviceSignIn:
    """Enter a right code as the person who is signed in."""
    answer = client.post("/device/", {"user_code": user_code})
    assert answer.status_code == 302, answer.content.decode()
    return DeviceSignIn.objects.get(pk=int(answer["Location"].split("/")[2]))


def decide(client: Client, sign_in: DeviceSignIn, decision: str, slug: str = "") -> HttpResponse:
    """Answer the consent page."""
    form = {"decision": decision, "organization": slug}
    return client.post(f"/device/{sign_in.pk}/", form)


def approve(client: Client, user_code: str, slug: str = "acme") -> DeviceSignIn:
    """Enter a right code and approve the Desktop that shows it."""
    sign_in = enter(client, user_code)
    answer = decide(client, sign_in, "approve", slug)
    assert answer.status_code == 302, answer.content.decode()
    sign_in.refresh_from_db()
    return sign_in


def make_device_sign_ins(
    user: User, organization: Organization, *, at: datetime
) -> dict[str, DeviceSignIn]:
    """Sign-ins whose codes the person entered: one that asks, and one of each end.

    Those that have not expired live for a day, so that a slow run of the browser tests meets
    them alive.
    """
    codes = {"asks": "WDJBMJHT", "approved": "BCDFGHJK", "denied": "LMNPQRST"}
    found = {}
    for state, code in (codes | {"expired": "VWXZVWXZ"}).items():
        start_sign_in(
            client_id=DESKTOP["client_id"],
            device=DeviceFacts(
                device_id=state,
                name=DESKTOP["device_name"],
                os=DESKTOP["os"],
                desktop_version=DESKTOP["desktop_version"],
            ),
            device_code=f"secret of {state}",
            user_code=code,
            address=ADDRESS,
            user_agent="Docker-Desktop/4.50.0",
            at=at,
        )
        opened = open_sign_in(user_id=user.pk, user_code=code, address=ADDRESS, at=at)
        assert opened is not None
        found[state] = opened
    member = Member.objects.select_related("organization").get(
        organization=organization, user=user
    )
    with recording(actor=member_actor(member), at=at) as trail:
        approve_sign_in(trail=trail, sign_in_id=found["approved"].pk, member=member)
    deny_sign_in(sign_in_id=found["denied"].pk, user_id=user.pk, at=at)
    alive = DeviceSignIn.objects.exclude(pk=found["expired"].pk)
    alive.update(expires_at=at + timedelta(days=1))
    DeviceSignIn.objects.filter(pk=found["expired"].pk).update(
        started_at=at - timedelta(minutes=20), expires_at=at - timedelta(minutes=10)
    )
    return found
