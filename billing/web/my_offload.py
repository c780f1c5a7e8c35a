"""A developer's own page: what holds and why, the session now, own use, a wish for more."""

from typing import Any, Final

from django.http import Http404

from billing.selectors.sessions import SessionFilter, list_sessions
from billing.selectors.usage import UsageFilter, usage_by
from billing.web.pages import BillingPage
from orgs.domain.policy import resolve
from orgs.domain.roles import Capability
from orgs.models import PolicyException
from orgs.selectors.member_pages import ladders_of, list_exceptions, list_teams_of
from orgs.selectors.standings import load_standings

_STATE = PolicyException.State
EXCEPTIONS_SHOWN: Final = 10


class MyOffloadPage(BillingPage):
    """`/o/<slug>/my/`: effective settings and why, the session now, own use of the month."""

    capability = Capability.OWN_READ
    section = "my"
    template_name = "billing/my_offload.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return everything about the person who looks."""
        member, actor = self.request.member, self.request.actor
        organization_id = self.request.organization.pk
        standing = load_standings(
            organization_id=organization_id, at=self.as_of, member_ids=[member.pk]
        ).get(member.pk)
        if standing is None:
            raise Http404
        sessions = list_sessions(
            actor=actor, narrowed=SessionFilter(subject=str(member.pk)), as_of=self.as_of
        )
        report = usage_by(
            actor=actor,
            group_by="day",
            narrowed=UsageFilter(
                first=self.today.replace(day=1), last=self.today, member=member.email
            ),
            as_of=self.as_of,
            zone=self.zone,
        )
        exceptions = list_exceptions(
            organization_id=organization_id, states=list(_STATE), member_id=member.pk
        )
        return super().get_context_data(
            member=member,
            teams=list_teams_of(organization_id=organization_id, member_id=member.pk),
            ladders=ladders_of(resolve(standing, at=self.as_of)),
            session=sessions.running[0] if sessions.running else None,
            latest=sessions.ended[:5],
            month=report.total,
            first_day=self.today.replace(day=1),
            exceptions=exceptions[:EXCEPTIONS_SHOWN],
            **kwargs,
        )
