"""Who acts, for which organization, with which rights. Everything that writes is given one."""

from dataclasses import dataclass, field
from enum import StrEnum

from orgs.domain.roles import GRANTS, SCOPE_GRANTS, Capability, Role, Scope


class ActorKind(StrEnum):
    """Where the right to act comes from. The text is stored in the audit log.

    `SCIM` is the token of an organization's identity provider. Our own staff are an `OPERATOR` at
    a command line and `SUPPORT` in the operators' pages, where each act has a reason.
    """

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind of actor, not a secret
    SCIM = "scim"
    SYSTEM = "system"
    OPERATOR = "operator"
    SUPPORT = "support"


_BY_SCOPES = frozenset({ActorKind.TOKEN, ActorKind.SCIM})
_OURS = frozenset({ActorKind.SYSTEM, ActorKind.OPERATOR, ActorKind.SUPPORT})


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """One who acts. Made by `orgs.access` from a request, or by the constructors below.

    `organization_id` is empty for the system, our staff, and a metering token of all
    organizations. `role` is the member's role now; empty without a member. `label` is a name
    for the audit log that says nothing personal. `address` is the network address that the
    request came from; it tells nobody apart, so it is no part of equality.
    """

    kind: ActorKind
    organization_id: int | None = None
    member_id: int | None = None
    role: Role | None = None
    token_id: int | None = None
    scopes: frozenset[Scope] = frozenset()
    source_prefix: str = ""
    label: str = ""
    address: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.kind is ActorKind.USER and (self.role is None or self.organization_id is None):
            msg = "a user acts with a role in an organization"
            raise ValueError(msg)
        if self.kind in _BY_SCOPES and not self.scopes:
            msg = "a token acts with scopes"
            raise ValueError(msg)
        if (self.member_id is None) != (self.role is None):
            msg = "a member and a role come together"
            raise ValueError(msg)

    def may(self, capability: Capability) -> bool:
        """Whether the actor holds `capability` in its own organization.

        A user: what the role grants. A token: what its scopes grant, within the role now of the
        member in whose right it acts. The system and our staff: everything.
        """
        if self.kind in _OURS:
            return True
        if not self._is_within_scopes(capability):
            return False
        return self.role is None or capability in GRANTS[self.role]

    def may_as_lead(self, capability: Capability) -> bool:
        """Whether the actor holds `capability` in the teams that its member leads, if any.

        Which teams those are is not the actor's to know (`orgs.selectors.reach`).
        """
        return (
            self.member_id is not None
            and self._is_within_scopes(capability)
            and capability in GRANTS[Role.TEAM_LEAD]
        )

    def _is_within_scopes(self, capability: Capability) -> bool:
        return self.kind not in _BY_SCOPES or any(
            capability in SCOPE_GRANTS[scope] for scope in self.scopes
        )


def operator(*, label: str) -> Actor:
    """Return our own staff at a command line; `label` names the command."""
    return Actor(kind=ActorKind.OPERATOR, label=label)


def system(*, label: str) -> Actor:
    """Return the product itself, acting by a clock or a queue; `label` names the task."""
    return Actor(kind=ActorKind.SYSTEM, label=label)


def support(*, staff_id: int, address: str | None = None) -> Actor:
    """Return our own staff in the operators' pages; customers see them as support.

    The label tells us who it was, and customers nothing personal.
    """
    return Actor(kind=ActorKind.SUPPORT, label=f"staff {staff_id}", address=address)
