"""What a policy would do before it is saved: whose settings, which sessions, what use."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from billing.selectors.policy_impact import PolicyImpact, get_impact
from billing.selectors.replays import replay_use
from billing.tasks import find_replay, start_replay
from billing.web.pages import BillingPage
from orgs.access.policy_form import PolicyForm
from orgs.domain.roles import Capability
from orgs.domain.rules import Rules
from orgs.models import Team
from orgs.selectors.policies import list_rule_errors
from orgs.selectors.policy_pages import find_team, is_lead

MEMBERS_SHOWN: Final = 12
REPLAYED_AT_ONCE: Final = 150
"""Members whose use is replayed while the page is made; for more a worker does it."""


class PolicyPreviewPage(BillingPage):
    """`/o/<slug>/policy/preview/` and `…/policy/teams/<team>/preview/`: a POST of the form.

    Answers a part of the page to htmx, else a page of its own with the form's values and a
    button that saves them. Writes nothing.
    """

    capability = Capability.ORGANIZATION_READ
    section = "policy"
    http_method_names = ["post"]

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

    def get_template_names(self) -> list[str]:
        """Return the part for htmx, the page for everybody else."""
        is_part = self.request.headers.get("HX-Request") == "true"
        return ["billing/policy_impact.html" if is_part else "billing/policy_preview.html"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what the typed rules would do, or what is wrong with them."""
        self._require_writer()
        form = PolicyForm.typed(request.POST)
        rules, form = form.rules_or_errors(is_whole=self.team is None)
        if rules is not None:
            organization = self.request.organization
            errors = list_rule_errors(rules, organization=organization, team=self.team)
            if errors:
                rules, form = None, form.with_errors(errors)
        impact = None if rules is None else self._impact(rules)
        context = self.get_context_data(
            form=form, impact=impact, team=self.team, **self._replay(impact)
        )
        return self.render_to_response(context)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the address that saves, and how many members are shown by name."""
        slug = self.request.organization.slug
        address = (
            reverse("orgs:policy", args=[slug])
            if self.team is None
            else reverse("orgs:team_policy", args=[slug, self.team.slug])
        )
        return super().get_context_data(address=address, shown=MEMBERS_SHOWN, **kwargs)

    def _require_writer(self) -> None:
        if self.request.actor.may(Capability.POLICY_WRITE):
            return
        if self.team is None or not is_lead(
            organization_id=self.request.organization.pk,
            member_id=self.request.member.pk,
            team_id=self.team.pk,
        ):
            raise PermissionDenied

    def _impact(self, rules: Rules) -> PolicyImpact:
        return get_impact(
            actor=self.request.actor,
            as_of=self.as_of,
            organization_rules=rules if self.team is None else None,
            team_rules=None if self.team is None else {self.team.pk: rules},
        )

    def _replay(self, impact: PolicyImpact | None) -> dict[str, Any]:
        """Return the last 30 days under the new rules, or the name of the work on them."""
        if impact is None or not impact.timeouts:
            return {}
        arguments: dict[str, Any] = {
            "actor": self.request.actor,
            "timeouts": impact.timeouts,
            "as_of": self.as_of,
        }
        if len(impact.timeouts) > REPLAYED_AT_ONCE:
            name = start_replay(**arguments)
            return {"job": find_replay(actor=self.request.actor, name=name), "job_name": name}
        return {"replay": replay_use(**arguments)}


class ReplayPage(BillingPage):
    """`/o/<slug>/policy/replays/<name>/`: how far a replay is, and in the end what it found."""

    capability = Capability.ORGANIZATION_READ
    section = "policy"

    def get_template_names(self) -> list[str]:
        """Return the part for htmx, the page for everybody else."""
        is_part = self.request.headers.get("HX-Request") == "true"
        return ["billing/policy_replay.html" if is_part else "billing/replay_page.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the work as it stands; 404 for one that this person did not start."""
        name = str(self.kwargs["name"])
        job = find_replay(actor=self.request.actor, name=name)
        if job is None:
            raise Http404
        return super().get_context_data(job=job, job_name=name, replay=job.result, **kwargs)
