"""Who may do what: the one matrix of capabilities by role, and what each token scope opens.

Pages, API, the role table shown in the product and the tests read this module; there is no
second list. A capability is checked, a role never is.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a person is in one organization. The text is stored and sent as it is."""

    OWNER = "owner"
    POLICY_ADMIN = "policy_admin"
    BILLING_MANAGER = "billing_manager"
    AUDITOR = "auditor"
    TEAM_LEAD = "team_lead"
    MEMBER = "member"


MEMBER_ROLES = tuple(role for role in Role if role is not Role.TEAM_LEAD)
"""The roles a member row can hold. To lead is a property of a team membership, not of a member."""


class Capability(StrEnum):
    """One thing that can be allowed. `…:team:…` reaches only the teams that the person leads."""

    ORGANIZATION_READ = "organization:read"
    OWN_READ = "own:read"
    OWN_WRITE = "own:write"
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    POLICY_DELETE = "policy:delete"
    TEAM_POLICY_READ = "policy:team:read"
    TEAM_POLICY_NARROW = "policy:team:narrow"
    EXCEPTIONS_WRITE = "exceptions:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    SESSIONS_READ = "sessions:read"
    SESSIONS_STOP = "sessions:stop"
    USAGE_READ = "usage:read"
    TEAM_USAGE_READ = "usage:team:read"
    MONEY_READ = "money:read"
    EXPORTS_CREATE = "exports:create"
    BUDGET_WRITE = "budget:write"
    BILLING_CONTACTS_WRITE = "billing_contacts:write"
    BILLING_SETTINGS_WRITE = "billing_settings:write"
    PRODUCTS_WRITE = "products:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    TOKENS_WRITE = "tokens:write"
    AUDIT_READ = "audit:read"
    METERING_WRITE = "metering:write"
    """Reporting session events belongs to runners: no role holds it, only a metering token."""


_MEMBER = frozenset({Capability.ORGANIZATION_READ, Capability.OWN_READ, Capability.OWN_WRITE})

_AUDITOR = _MEMBER | {
    Capability.POLICY_READ,
    Capability.DEVICES_READ,
    Capability.SESSIONS_READ,
    Capability.USAGE_READ,
    Capability.MONEY_READ,
    Capability.EXPORTS_CREATE,
    Capability.MEMBERS_READ,
    Capability.AUDIT_READ,
}

GRANTS: Mapping[Role, frozenset[Capability]] = MappingProxyType(
    {
        Role.OWNER: frozenset(Capability) - {Capability.METERING_WRITE},
        Role.POLICY_ADMIN: _MEMBER
        | {
            Capability.POLICY_READ,
            Capability.POLICY_WRITE,
            Capability.EXCEPTIONS_WRITE,
            Capability.DEVICES_READ,
            Capability.DEVICES_WRITE,
            Capability.SESSIONS_READ,
            Capability.SESSIONS_STOP,
            Capability.USAGE_READ,
            Capability.MEMBERS_READ,
        },
        Role.BILLING_MANAGER: _MEMBER
        | {
            Capability.SESSIONS_READ,
            Capability.USAGE_READ,
            Capability.MONEY_READ,
            Capability.EXPORTS_CREATE,
            Capability.BUDGET_WRITE,
            Capability.BILLING_CONTACTS_WRITE,
        },
        Role.AUDITOR: _AUDITOR,
        Role.TEAM_LEAD: _MEMBER
        | {
            Capability.TEAM_POLICY_READ,
            Capability.TEAM_POLICY_NARROW,
            Capability.TEAM_USAGE_READ,
        },
        Role.MEMBER: _MEMBER,
    }
)
"""The matrix. Billing managers read sessions because a line is explained by its sessions."""


class Scope(StrEnum):
    """What a token was made for. The text is stored and sent as it is."""

    DESKTOP = "desktop"
    METERING_WRITE = "metering:write"
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    USAGE_READ = "usage:read"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    AUDIT_READ = "audit:read"


SCOPE_GRANTS: Mapping[Scope, frozenset[Capability]] = MappingProxyType(
    {
        Scope.DESKTOP: frozenset({Capability.OWN_READ, Capability.OWN_WRITE}),
        Scope.METERING_WRITE: frozenset({Capability.METERING_WRITE}),
        Scope.POLICY_READ: frozenset(
            {
                Capability.ORGANIZATION_READ,
                Capability.POLICY_READ,
                Capability.TEAM_POLICY_READ,
                Capability.DEVICES_READ,
            }
        ),
        Scope.POLICY_WRITE: frozenset(
            {
                Capability.ORGANIZATION_READ,
                Capability.POLICY_WRITE,
                Capability.TEAM_POLICY_NARROW,
                Capability.EXCEPTIONS_WRITE,
                Capability.DEVICES_WRITE,
                Capability.PRODUCTS_WRITE,
            }
        ),
        Scope.MEMBERS_READ: frozenset({Capability.ORGANIZATION_READ, Capability.MEMBERS_READ}),
        Scope.MEMBERS_WRITE: frozenset({Capability.ORGANIZATION_READ, Capability.MEMBERS_WRITE}),
        Scope.USAGE_READ: frozenset(
            {
                Capability.ORGANIZATION_READ,
                Capability.SESSIONS_READ,
                Capability.USAGE_READ,
            }
        ),
        Scope.BILLING_READ: frozenset(
            {
                Capability.ORGANIZATION_READ,
                Capability.USAGE_READ,
                Capability.MONEY_READ,
                Capability.EXPORTS_CREATE,
            }
        ),
        Scope.BILLING_WRITE: frozenset(
            {
                Capability.ORGANIZATION_READ,
                Capability.BUDGET_WRITE,
                Capability.BILLING_CONTACTS_WRITE,
                Capability.BILLING_SETTINGS_WRITE,
            }
        ),
        Scope.AUDIT_READ: frozenset({Capability.ORGANIZATION_READ, Capability.AUDIT_READ}),
    }
)
"""What a scope opens at most; a token that a member made is also bounded by that role."""
