"""Tables of the app, one file per concern.

Direction: users → organizations → members → teams, devices; products, policies, tokens, sign-ins
and audit point to organizations and members, never the other way. Every row that belongs to an
organization names it, and composite foreign keys in the migrations refuse a team, member, device
or token of another one.
"""

from orgs.models.audit import (
    AuditCheckpoint,
    AuditEvent,
    AuditHead,
    AuditPersonalValue,
    AuditVerification,
)
from orgs.models.device_sign_ins import DeviceSignIn, WrongUserCode
from orgs.models.devices import Device
from orgs.models.exceptions import PolicyException
from orgs.models.members import Member
from orgs.models.organizations import Organization
from orgs.models.policies import PolicyRevision
from orgs.models.products import Entitlement, Subscription
from orgs.models.settings import (
    MemberChoices,
    SettingsHead,
    SettingsVersion,
    SpendingStatus,
)
from orgs.models.teams import Team, TeamAssignment, TeamMembership
from orgs.models.tokens import AccessToken
from orgs.models.users import User

__all__ = [
    "AccessToken",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditHead",
    "AuditPersonalValue",
    "AuditVerification",
    "Device",
    "DeviceSignIn",
    "Entitlement",
    "Member",
    "MemberChoices",
    "Organization",
    "PolicyException",
    "PolicyRevision",
    "SettingsHead",
    "SettingsVersion",
    "SpendingStatus",
    "Subscription",
    "Team",
    "TeamAssignment",
    "TeamMembership",
    "User",
    "WrongUserCode",
]
