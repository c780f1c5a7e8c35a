"""Docker Desktops that poll, and the changes that they must see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from orgs.domain.policy_documents import read_rules
from orgs.domain.roles import Scope
from orgs.models import Member, Organization, Team
from orgs.selectors.policies import get_policy
from orgs.services.audit import recording
from orgs.services.members import ensure_members
from orgs.services.policies import save_policy
from tests.factories.orgs import NOW, OPERATOR, make_token

SETTINGS = "/api/v1/desktop/settings"


@dataclass(kw_only=True)
class Desktop:
    """A Desktop that is signed in, with the ETag that it was given last."""

    client: Client
    member: Member
    token_id: int
    headers: dict[str, str]
    etag: str = ""
    document: Any = None

    def poll(self, **more: str) -> Any:
        """Ask for the settings with the ETag, and keep what comes back."""
        known = {"If-None-Match": self.etag} if self.etag else {}
        answer = self.client.get(SETTINGS, headers=self.headers | known | more)
        if answer.status_code == 200:
            self.etag, self.document = answer["ETag"], answer.json()
        return answer

    def choose(self, choices: object, **more: Any) -> Any:
        """Send preferences as JSON."""
        return self.client.patch(
            "/api/v1/desktop/preferences",
            choices,
            content_type="application/json",
            headers=self.headers,
            **more,
        )


def add_member(organization: Organization, email: str) -> Member:
    """A member as an importer or an owner adds them: by the service, settings written."""
    with recording(actor=OPERATOR, at=NOW) as trail:
        ids = ensure_members(trail=trail, organization_id=organization.pk, emails=[email])
    return Member.objects.get(pk=ids[email])


def sign_in(member: Member, *, lifetime: timedelta | None = None) -> Desktop:
    made = make_token(member.organization, Scope.DESKTOP, member=member, lifetime=lifetime)
    headers = {"Authorization": f"Bearer {made.text}"}
    return Desktop(client=Client(), member=member, token_id=made.token.pk, headers=headers)


def put_policy(
    organization: Organization,
    settings: Mapping[str, Any],
    *,
    at: datetime,
    team: Team | None = None,
) -> None:
    current = get_policy(organization_id=organization.pk, team_id=team.pk if team else None)
    with recording(actor=OPERATOR, at=at) as trail:
        save_policy(
            trail=trail,
            organization=organization,
            rules=read_rules(settings),
            expected_revision=current.revision,
            reason="test",
            team=team,
        )


def in_recording(at: datetime, do: Callable[[Any], Any]) -> Any:
    """Run one service with a trail of its own."""
    with recording(actor=OPERATOR, at=at) as trail:
        return do(trail)
