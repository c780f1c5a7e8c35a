"""The policy of an organization and of its teams: read, change, undo."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property

from orgs.access.pages import ConsolePage
from orgs.access.policy_form import PolicyForm
from orgs.domain.policy_documents import InvalidPolicy, diff_documents, rules_document
from orgs.domain.roles import Capability
from orgs.domain.rules import Rules, SwitchState
from orgs.models import Team
from orgs.selectors.policies import Policy, UnknownRevision, get_policy, get_revision
from orgs.selectors.policy_pages import (
    find_team,
    is_lead,
    list_latest_revisions,
    list_team_summaries,
)
from orgs.services.audit import recording
from orgs.services.policies import StalePolicy, roll_back_policy, save_policy
from orgs.web.range_bar import limits_of, range_bar

REVISIONS_SHOWN = 10


class PolicyPage(ConsolePage):
    """`/o/<slug>/policy/`, and `/o/<slug>/policy/teams/<team>/` for a team.

    A GET shows the rules in force; a POST saves, and comes back with the undo at hand. A stale
    or impossible form is shown again as it was typed, with both versions or the errors.
    """

    capability = Capability.ORGANIZATION_READ
    section = "policy"
    template_name = "orgs/policy.html"

    @cached_property
    def team(self) -> Team | None:
        """The team of the address, None for the organization; 404 for another's."""
        slug = self.kwargs.get("team")
        if slug is None:
            return None
        team = find_team(organization_id=self.request.organization.pk, slug=slug)
        if team is None:
            raise Http404(slug)
        return team

    @cached_property
    def policy(self) -> Policy:
        """The rules in force."""
        return get_policy(
            organization_id=self.request.organization.pk,
            team_id=self.team.pk if self.team else None,
        )

    @cached_property
    def may_write(self) -> bool:
        """Whether the viewer may change these rules: a team's lead may change that team's."""
        if self.request.actor.may(Capability.POLICY_WRITE):
            return True
        return self.team is not None and is_lead(
            organization_id=self.request.organization.pk,
            member_id=self.request.member.pk,
            team_id=self.team.pk,
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the rules."""
        self._require_reader()
        form = PolicyForm.of(self.policy.rules, revision=self.policy.revision)
        return self.render_to_response(self.get_context_data(form=form))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Save what was typed, or show it again with what is wrong."""
        self._require_reader()
        if not self.may_write:
            raise PermissionDenied
        form = PolicyForm.typed(request.POST)
        rules, form = form.rules_or_errors(is_whole=self.team is None)
        if rules is None:
            return self._again(form)
        try:
            with recording(actor=self.request.actor, at=self.as_of) as trail:
                saved = save_policy(
                    trail=trail,
                    organization=self.request.organization,
                    team=self.team,
                    rules=rules,
                    expected_revision=form.revision,
                    reason=form.reason,
                )
        except InvalidPolicy as invalid:
            return self._again(form.with_errors(invalid.errors))
        except StalePolicy as stale:
            return self._stale(form, rules, stale.current)
        return HttpResponseRedirect(f"{self.address}?saved={saved.revision}")

    @property
    def address(self) -> str:
        """The address of this page."""
        slug = self.request.organization.slug
        if self.team is None:
            return reverse("orgs:policy", args=[slug])
        return reverse("orgs:team_policy", args=[slug, self.team.slug])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the form's surroundings: bounds above, teams, revisions, what was just saved."""
        organization_id = self.request.organization.pk
        above = get_policy(organization_id=organization_id).rules if self.team else Rules()
        revisions = list_latest_revisions(
            organization_id=organization_id,
            team_id=self.team.pk if self.team else None,
            number=REVISIONS_SHOWN,
        )
        saved = self.word("saved")
        is_fresh = saved == str(self.policy.revision)
        return super().get_context_data(
            team=self.team,
            policy=self.policy,
            address=self.address,
            preview_address=f"{self.address}preview/",
            may_write=self.may_write,
            states=list(SwitchState),
            above=rules_document(above) if self.team else None,
            range_bar=range_bar(self.policy.rules, above=above),
            limits=limits_of(above),
            revisions=revisions,
            just_saved=self.policy if is_fresh else None,
            undo_to=revisions[1].revision if is_fresh and len(revisions) > 1 else None,
            teams=[] if self.team else list_team_summaries(organization_id=organization_id),
            **kwargs,
        )

    def _require_reader(self) -> None:
        if not (self.request.actor.may(Capability.POLICY_READ) or self.may_write):
            raise PermissionDenied

    def _again(self, form: PolicyForm, **kwargs: Any) -> HttpResponse:
        status = 409 if "conflict" in kwargs else 400
        return self.render_to_response(self.get_context_data(form=form, **kwargs), status=status)

    def _stale(self, form: PolicyForm, rules: Rules, current: Policy) -> HttpResponse:
        self.policy = current
        conflict = diff_documents(current.document, rules_document(rules))
        fresh = PolicyForm.typed(self.request.POST)
        fresh = PolicyForm(
            states=fresh.states,
            bounds=fresh.bounds,
            is_locked=fresh.is_locked,
            reason=form.reason,
            revision=current.revision,
        )
        return self._again(fresh, conflict=conflict)


class RevisionPage(PolicyPage):
    """`…/revisions/<n>/`: what a revision changed; a POST puts it in force again."""

    template_name = "orgs/revision.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the revision beside the one before it and the one in force."""
        self._require_reader()
        return self.render_to_response(self.get_context_data())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Put the revision in force again, as a new one."""
        self._require_reader()
        if not self.may_write:
            raise PermissionDenied
        form = PolicyForm.typed(request.POST)
        try:
            with recording(actor=self.request.actor, at=self.as_of) as trail:
                saved = roll_back_policy(
                    trail=trail,
                    organization=self.request.organization,
                    team=self.team,
                    revision=self.kwargs["revision"],
                    expected_revision=form.revision,
                    reason=form.reason,
                )
        except UnknownRevision as unknown:
            raise Http404(str(unknown)) from unknown
        except InvalidPolicy as invalid:
            return self._again(form.with_errors(invalid.errors))
        except StalePolicy as stale:
            self.policy = stale.current
            return self._again(form, conflict={})
        return HttpResponseRedirect(f"{self.address}?saved={saved.revision}")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the revision, what it changed, and what going back to it would change."""
        organization_id = self.request.organization.pk
        team_id = self.team.pk if self.team else None
        number = self.kwargs["revision"]
        try:
            shown = get_revision(organization_id=organization_id, team_id=team_id, revision=number)
        except UnknownRevision as unknown:
            raise Http404(str(unknown)) from unknown
        rows = list_latest_revisions(
            organization_id=organization_id, team_id=team_id, number=1, up_to=number
        )
        return super().get_context_data(
            row=rows[0],
            changes=rows[0].changes,
            going_back=diff_documents(self.policy.document, shown.document),
            is_in_force=shown.revision == self.policy.revision,
            **kwargs,
        )
