"""The shapes of policies, as the OpenAPI document describes them."""

from typing import Any, Final

from rest_framework import serializers

from orgs.domain.names import REASON_LENGTH
from orgs.domain.rules import (
    IDLE_TIMEOUT_MAXIMUM_SECONDS,
    IDLE_TIMEOUT_MINIMUM_SECONDS,
    SwitchState,
)

_SECONDS: Final[dict[str, Any]] = {
    "min_value": IDLE_TIMEOUT_MINIMUM_SECONDS,
    "max_value": IDLE_TIMEOUT_MAXIMUM_SECONDS,
    "required": False,
}


class SwitchRuleSerializer(serializers.Serializer[Any]):
    """One of Docker's five states."""

    state = serializers.ChoiceField(choices=[state.value for state in SwitchState])


class TimeoutRuleSerializer(serializers.Serializer[Any]):
    """The range and default of the idle timeout in seconds; what is left out is inherited."""

    minimum = serializers.IntegerField(**_SECONDS)
    maximum = serializers.IntegerField(**_SECONDS)
    default = serializers.IntegerField(**_SECONDS)
    locked = serializers.BooleanField(required=False)


class RulesSerializer(serializers.Serializer[Any]):
    """What one level says; a setting left out is inherited."""

    offload_enabled = SwitchRuleSerializer(required=False)
    idle_timeout_seconds = TimeoutRuleSerializer(required=False)
    gpu_enabled = SwitchRuleSerializer(required=False)


class PolicySerializer(serializers.Serializer[Any]):
    """The rules in force, with the revision that made them; 0 where there were never any."""

    revision = serializers.IntegerField(required=False)
    settings = RulesSerializer()
    reason = serializers.CharField(required=False, allow_blank=True, max_length=REASON_LENGTH)


class RevisionSerializer(PolicySerializer):
    """One revision: who, when, why, and the fields that it changed as `[before, after]`."""

    author = serializers.EmailField(allow_null=True)
    created_at = serializers.DateTimeField()
    rolled_back_to = serializers.IntegerField(allow_null=True)
    changes = serializers.DictField(child=serializers.ListField())


class RollbackSerializer(serializers.Serializer[Any]):
    """The revision whose rules are to be in force again."""

    revision = serializers.IntegerField()
    reason = serializers.CharField(required=False, allow_blank=True, max_length=REASON_LENGTH)


class StalePolicySerializer(serializers.Serializer[Any]):
    """The refusal of a save over somebody else's, with what is in force beside it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.ChoiceField(choices=["stale_policy"])
    current = PolicySerializer()
