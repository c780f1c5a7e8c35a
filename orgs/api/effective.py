"""`/organizations/{slug}/members/{id}/effective-settings`: what holds for a member, and why."""

from typing import Any, ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs.access.organizations import OrganizationAPIView
from orgs.access.problems import Problem
from orgs.access.tokens import require
from orgs.api.desktop import EffectiveSettingsSerializer, SpendingSerializer
from orgs.domain.roles import Capability
from orgs.domain.settings_documents import settings_document, trace_document
from orgs.domain.trace import Level, Outcome, Reason
from orgs.selectors.effective import explain_settings
from orgs.selectors.reach import members_within

READERS: Final = (Capability.POLICY_READ, Capability.OWN_READ)


class StepSerializer(serializers.Serializer[Any]):
    """One level, what it said in the terms of the policy document, and what came of it."""

    level = serializers.ChoiceField(choices=[level.value for level in Level])
    name = serializers.CharField(allow_null=True)
    said = serializers.JSONField()
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])
    reason = serializers.ChoiceField(choices=[reason.value for reason in Reason])


class TraceSerializer(serializers.Serializer[Any]):
    """The steps of each setting, from the top."""

    offload_enabled = StepSerializer(many=True)
    idle_timeout_seconds = StepSerializer(many=True)
    gpu_enabled = StepSerializer(many=True)


class EffectiveSerializer(serializers.Serializer[Any]):
    """What holds for a member since when, until when (null: until something changes), and why."""

    member = serializers.EmailField()
    revision = serializers.IntegerField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    settings = EffectiveSettingsSerializer()
    trace = TraceSerializer()
    spending = SpendingSerializer()


class EffectiveSettingsView(OrganizationAPIView):
    """What holds for a member."""

    capabilities: ClassVar = {"GET": READERS}

    @extend_schema(
        operation_id="get_effective_settings", tags=["policy"], responses=EffectiveSerializer
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the effective settings of a member with their trace.

        403 for another than oneself or a member of a team that one leads, without the right.
        """
        organization_id = self.organization.pk
        within = members_within(
            self.actor, Capability.POLICY_READ, organization_id=organization_id
        )
        member = within.filter(pk=number).first()
        if member is None:
            require(self.actor, Capability.POLICY_READ)
            raise Problem(404, "not_found", "There is no such member.")
        found = explain_settings(
            organization_id=organization_id, member_id=member.pk, at=timezone.now()
        )
        if found is None:
            raise Problem(404, "not_found", "Nothing holds for a member who has left.")
        held = found.held
        return Response(
            {
                "member": member.email,
                "revision": held.version.revision if held else None,
                "since": held.version.since if held else None,
                "until": held.valid_until if held else None,
                "settings": settings_document(found.settings),
                "trace": trace_document(found.settings),
                "spending": {"state": found.spending.value},
            }
        )
