"""`/organizations/{slug}/policy/preview`: what rules would do, before they are saved."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.shapes import MoneySerializer, Seconds
from billing.domain.instants import seconds_text
from billing.selectors.policy_impact import PolicyImpact, get_impact
from billing.selectors.replays import ReplayedUse, UseReplay, replay_use
from orgs.access.json_bodies import DocumentJson, Fields, invalid_policy
from orgs.access.organizations import OrganizationAPIView
from orgs.access.problems import FieldError, Problem
from orgs.domain.names import SLUG_LENGTH
from orgs.domain.policy_documents import InvalidPolicy, read_rules
from orgs.domain.roles import Capability
from orgs.models import Team
from orgs.selectors.policies import list_rule_errors
from orgs.selectors.policy_pages import find_team


class PreviewRequestSerializer(serializers.Serializer[Any]):
    """Rules as in the policy document, for the organization or for a team."""

    settings = serializers.DictField()
    team = serializers.SlugField(required=False)


class AffectedSerializer(serializers.Serializer[Any]):
    """A member whose effective values change: setting → `[before, after]`."""

    id = serializers.IntegerField()
    email = serializers.EmailField()
    changes = serializers.DictField(child=serializers.ListField())


class ReplayedUseSerializer(serializers.Serializer[Any]):
    """The use of 30 days in exact seconds; the amount is an estimate, null without the right."""

    sessions = serializers.IntegerField()
    billable_seconds = Seconds()
    working_seconds = Seconds()
    waiting_seconds = Seconds()
    bridged_seconds = Seconds()
    estimated_amount = MoneySerializer(allow_null=True)


class ReplaySerializer(serializers.Serializer[Any]):
    """The last 30 days of the members whose timeout changes, as it was and under the new rules."""

    first_day = serializers.DateField()
    last_day = serializers.DateField()
    zone = serializers.CharField()
    before = ReplayedUseSerializer()
    after = ReplayedUseSerializer()
    resumes_cut = serializers.IntegerField(
        help_text="How often somebody would have come back to a clean environment."
    )
    resumes_gained = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What the rules would do; nothing of it is written."""

    member_count = serializers.IntegerField()
    members = AffectedSerializer(many=True)
    running_sessions = serializers.ListField(child=serializers.UUIDField())
    replay = ReplaySerializer(allow_null=True)


class PolicyPreview(OrganizationAPIView):
    """What rules would do."""

    capabilities: ClassVar = {"POST": Capability.POLICY_WRITE}
    parser_classes = (DocumentJson,)

    @extend_schema(
        operation_id="preview_policy",
        tags=["policy"],
        request=PreviewRequestSerializer,
        responses={200: PreviewSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Return whose values change, which sessions run, and the last 30 days replayed.

        Recorded use is folded anew under the new idle timeouts; it never claims a saving inside
        a stretch of activity. `replay` is null when no idle timeout changes and nobody loses
        Offload.
        """
        fields = Fields(request.data, allowed=("settings", "team"))
        team_slug = fields.text("team", length=SLUG_LENGTH)
        fields.check()
        team = self._team(team_slug) if team_slug else None
        try:
            rules = read_rules(fields.raw("settings"))
        except InvalidPolicy as invalid:
            raise invalid_policy(invalid.errors, below="/settings") from invalid
        if errors := list_rule_errors(rules, organization=self.organization, team=team):
            raise invalid_policy(errors, below="/settings")
        as_of = timezone.now()
        impact = get_impact(
            actor=self.actor,
            as_of=as_of,
            organization_rules=None if team else rules,
            team_rules={team.pk: rules} if team else None,
        )
        replay = (
            replay_use(actor=self.actor, timeouts=impact.timeouts, as_of=as_of)
            if impact.timeouts
            else None
        )
        return Response(_document(impact, replay))

    def _team(self, slug: str) -> Team:
        team = find_team(organization_id=self.organization.pk, slug=slug)
        if team is None:
            detail = "There is no such team."
            raise Problem(
                400, "invalid", detail, errors=[FieldError("/team", "unknown_team", detail)]
            )
        return team


def _document(impact: PolicyImpact, replay: UseReplay | None) -> dict[str, Any]:
    return {
        "member_count": impact.member_count,
        "members": [
            {"id": member.member_id, "email": member.email, "changes": member.changes}
            for member in impact.members
        ],
        "running_sessions": [session.id for session in impact.running],
        "replay": None
        if replay is None
        else {
            "first_day": replay.first,
            "last_day": replay.last,
            "zone": replay.zone,
            "before": _use(replay.before),
            "after": _use(replay.after),
            "resumes_cut": replay.resumes_cut,
            "resumes_gained": replay.resumes_gained,
        },
    }


def _use(use: ReplayedUse) -> dict[str, Any]:
    return {
        "sessions": use.sessions,
        "billable_seconds": seconds_text(use.billable_us),
        "working_seconds": seconds_text(use.working_us),
        "waiting_seconds": seconds_text(use.waiting_us),
        "bridged_seconds": seconds_text(use.bridged_us),
        "estimated_amount": None if use.amount is None else use.amount.to_wire(),
    }
