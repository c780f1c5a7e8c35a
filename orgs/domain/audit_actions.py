"""Every action that the audit log knows: its group, what it is done to, and its sentences.

An action without a row here, and a row without a use, fail a test that reads the code. The texts
of the sentences, in both languages, stand in `orgs.rendering.audit_sentences`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from orgs.domain.audit import Json

Diff: TypeAlias = Mapping[str, Json]


class ActionGroup(StrEnum):
    """What an action is about; readers filter by it. The text is sent as it is."""

    ORGANIZATION = "organization"
    MEMBERS = "members"
    TEAMS = "teams"
    POLICY = "policy"
    EXCEPTIONS = "exceptions"
    SETTINGS = "settings"
    PRODUCTS = "products"
    DEVICES = "devices"
    TOKENS = "tokens"
    BILLING = "billing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One action. `variants` are its sentences, when one is not enough; `choose` picks one."""

    group: ActionGroup
    variants: tuple[str, ...] = ()
    choose: Callable[[str, Diff], object] | None = None

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the keys of the action's sentences."""
        return tuple(f"{name}:{variant}" for variant in self.variants) or (name,)


def after(diff: Diff, field: str) -> Json:
    """Return what a field became, None where the diff does not say."""
    return _side(diff, field, 1)


def before(diff: Diff, field: str) -> Json:
    """Return what a field was."""
    return _side(diff, field, 0)


def sentence_key(action: str, *, target_kind: str, diff: Diff) -> str:
    """Return the key of the sentence that tells an event; empty for an action that is not known.

    Events outlive the code that wrote them, so nothing here is an error.
    """
    known = ACTIONS.get(action)
    if known is None:
        return ""
    if known.choose is None:
        return action
    variant = str(known.choose(target_kind, diff))
    return f"{action}:{variant}" if variant in known.variants else ""


def actions_of(group: ActionGroup) -> list[str]:
    """Return the actions of a group."""
    return [name for name, action in ACTIONS.items() if action.group is group]


def _side(diff: Diff, field: str, index: int) -> Json:
    pair = diff.get(field)
    return pair[index] if isinstance(pair, list | tuple) and len(pair) == 2 else None  # noqa: PLR2004 - before and after


def _scope(target_kind: str, _diff: Diff) -> str:
    return target_kind


def _switched(_target_kind: str, diff: Diff) -> str:
    return "on" if after(diff, "enabled") is True else "off"


def _device_sign_in(_target_kind: str, diff: Diff) -> str:
    return "on" if after(diff, "is_device_sign_in_enabled") is True else "off"


def _spending(_target_kind: str, diff: Diff) -> object:
    return after(diff, "state")


def _closed(_target_kind: str, diff: Diff) -> str:
    return "invoiced" if after(diff, "invoice") else "empty"


_SCOPES: Final = ("organization", "team")

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "organization.created": Action(group=ActionGroup.ORGANIZATION),
        "demo.loaded": Action(group=ActionGroup.ORGANIZATION),
        "member.added": Action(group=ActionGroup.MEMBERS),
        "members.added": Action(group=ActionGroup.MEMBERS),
        "members.primary_team_assigned": Action(group=ActionGroup.TEAMS),
        "organization.device_sign_in_switched": Action(
            group=ActionGroup.DEVICES, variants=("on", "off"), choose=_device_sign_in
        ),
        "device_sign_in.started": Action(group=ActionGroup.DEVICES),
        "device_sign_in.approved": Action(group=ActionGroup.DEVICES),
        "device_sign_in.denied": Action(group=ActionGroup.DEVICES),
        "device_sign_in.expired": Action(group=ActionGroup.DEVICES),
        "device_sign_in.refused": Action(group=ActionGroup.DEVICES),
        "device.signed_in": Action(group=ActionGroup.DEVICES),
        "device.removed": Action(group=ActionGroup.DEVICES),
        "team.created": Action(group=ActionGroup.TEAMS),
        "team.renamed": Action(group=ActionGroup.TEAMS),
        "team.members_changed": Action(group=ActionGroup.TEAMS),
        "teams.ordered": Action(group=ActionGroup.TEAMS),
        "policy.saved": Action(group=ActionGroup.POLICY, variants=_SCOPES, choose=_scope),
        "policy.rolled_back": Action(group=ActionGroup.POLICY, variants=_SCOPES, choose=_scope),
        "exception.requested": Action(group=ActionGroup.EXCEPTIONS),
        "exception.granted": Action(group=ActionGroup.EXCEPTIONS),
        "exception.refused": Action(group=ActionGroup.EXCEPTIONS),
        "exception.withdrawn": Action(group=ActionGroup.EXCEPTIONS),
        "exception.revoked": Action(group=ActionGroup.EXCEPTIONS),
        "exception.expired": Action(group=ActionGroup.EXCEPTIONS),
        "settings.chosen": Action(group=ActionGroup.SETTINGS),
        "product.switched": Action(
            group=ActionGroup.PRODUCTS, variants=("on", "off"), choose=_switched
        ),
        "token.created": Action(group=ActionGroup.TOKENS),
        "token.revoked": Action(group=ActionGroup.TOKENS),
        "spending.state_changed": Action(
            group=ActionGroup.BILLING,
            variants=("ok", "warning", "blocked", "stopping"),
            choose=_spending,
        ),
        "rate_card.created": Action(group=ActionGroup.BILLING),
        "period.closed": Action(
            group=ActionGroup.BILLING, variants=("invoiced", "empty"), choose=_closed
        ),
    }
)

TARGET_KINDS: Final = (
    "organization",
    "member",
    "team",
    "device",
    "device_sign_in",
    "exception",
    "product",
    "token",
    "rate_card",
    "billing_period",
)
"""What actions are done to; the id beside it is that thing's own."""


def sentence_keys() -> list[str]:
    """Return the key of every sentence there must be."""
    return [key for name, action in ACTIONS.items() for key in action.keys(name)]
