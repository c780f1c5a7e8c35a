"""Who is in the organization, and what holds for each of them."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404

from orgs.access.pages import ConsolePage
from orgs.domain.policy import resolve
from orgs.domain.roles import Capability
from orgs.selectors.member_pages import (
    get_member,
    ladders_of,
    list_member_rows,
    list_members,
    list_teams_of,
)
from orgs.selectors.settings_versions import find_held
from orgs.selectors.standings import load_standings

MEMBERS_AT_ONCE = 100


class MemberListPage(ConsolePage):
    """`/o/<slug>/members/`: everyone, with the settings in force."""

    capability = Capability.MEMBERS_READ
    section = "members"
    template_name = "orgs/members.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return a page of members by address."""
        organization_id = self.request.organization.pk
        wanted = self.word("q")
        rows = list_member_rows(
            organization_id=organization_id,
            wanted=wanted,
            after=self.word("after"),
            number=MEMBERS_AT_ONCE + 1,
            at=self.as_of,
        )
        shown = rows[:MEMBERS_AT_ONCE]
        return super().get_context_data(
            rows=shown,
            following=shown[-1].member.email if len(rows) > len(shown) else "",
            wanted=wanted,
            total=list_members(organization_id=organization_id).count(),
            **kwargs,
        )


class EffectivePage(ConsolePage):
    """`/o/<slug>/members/<id>/settings/`: the effective settings, level by level."""

    capability = Capability.OWN_READ
    section = "members"
    template_name = "orgs/effective.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the ladders of a member; one's own without the right to read policy."""
        organization_id, member_id = self.request.organization.pk, self.kwargs["member_id"]
        is_own = member_id == self.request.member.pk
        if not is_own and not self.request.actor.may(Capability.POLICY_READ):
            raise PermissionDenied
        member = get_member(organization_id=organization_id, member_id=member_id)
        standing = load_standings(
            organization_id=organization_id, at=self.as_of, member_ids=[member_id]
        ).get(member_id)
        if member is None or standing is None:
            raise Http404
        return super().get_context_data(
            member=member,
            who=member.name or member.email,
            teams=list_teams_of(organization_id=organization_id, member_id=member_id),
            ladders=ladders_of(resolve(standing, at=self.as_of)),
            held=find_held(organization_id=organization_id, member_id=member_id, at=self.as_of),
            may_grant=self.request.actor.may(Capability.EXCEPTIONS_WRITE),
            **kwargs,
        )
