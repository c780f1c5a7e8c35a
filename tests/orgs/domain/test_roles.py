"""The matrix of roles, written out once more by hand."""

import pytest

from orgs.domain.actors import Actor, ActorKind, operator, support, system
from orgs.domain.roles import GRANTS, MEMBER_ROLES, SCOPE_GRANTS, Capability, Role, Scope

# o owner, p policy admin, b billing manager, a auditor, l team lead, m member
EXPECTED = {
    "organization:read": "opbalm",
    "own:read": "opbalm",
    "own:write": "opbalm",
    "policy:read": "opa",
    "policy:write": "op",
    "policy:delete": "o",
    "policy:team:read": "ol",
    "policy:team:narrow": "ol",
    "exceptions:write": "op",
    "devices:read": "opa",
    "devices:write": "op",
    "sessions:read": "opba",
    "sessions:stop": "op",
    "usage:read": "opba",
    "usage:team:read": "ol",
    "money:read": "oba",
    "exports:create": "oba",
    "budget:write": "ob",
    "billing_contacts:write": "ob",
    "billing_settings:write": "o",
    "products:write": "o",
    "members:read": "opa",
    "members:write": "o",
    "tokens:write": "o",
    "audit:read": "oa",
    "metering:write": "",
}
LETTERS = {
    Role.OWNER: "o",
    Role.POLICY_ADMIN: "p",
    Role.BILLING_MANAGER: "b",
    Role.AUDITOR: "a",
    Role.TEAM_LEAD: "l",
    Role.MEMBER: "m",
}


def test_the_matrix_is_the_one_written_here():
    assert {
        capability.value: "".join(
            letter for role, letter in LETTERS.items() if capability in GRANTS[role]
        )
        for capability in Capability
    } == EXPECTED


def test_every_role_has_a_row_and_every_scope_grants_something():
    assert set(GRANTS) == set(Role)
    assert set(SCOPE_GRANTS) == set(Scope)
    assert all(SCOPE_GRANTS.values())


def test_to_lead_a_team_is_not_a_member_role():
    assert set(Role) - set(MEMBER_ROLES) == {Role.TEAM_LEAD}


def test_an_auditor_changes_nothing_but_their_own_settings():
    changing = {c for c in GRANTS[Role.AUDITOR] if not c.endswith(":read")}
    assert changing == {Capability.EXPORTS_CREATE, Capability.OWN_WRITE}


def _user(role):
    return Actor(kind=ActorKind.USER, organization_id=1, member_id=2, role=role)


def _token(*scopes, role=None):
    return Actor(
        kind=ActorKind.TOKEN,
        organization_id=1,
        member_id=None if role is None else 2,
        role=role,
        token_id=3,
        scopes=frozenset(scopes),
    )


def test_a_user_may_what_the_role_grants():
    assert _user(Role.BILLING_MANAGER).may(Capability.MONEY_READ)
    assert not _user(Role.POLICY_ADMIN).may(Capability.MONEY_READ)


def test_a_token_of_an_operator_may_what_its_scopes_grant():
    assert _token(Scope.BILLING_READ).may(Capability.MONEY_READ)
    assert not _token(Scope.USAGE_READ).may(Capability.MONEY_READ)


def test_a_token_of_a_member_never_exceeds_that_members_role():
    assert _token(Scope.BILLING_READ, role=Role.OWNER).may(Capability.MONEY_READ)
    assert not _token(Scope.BILLING_READ, role=Role.POLICY_ADMIN).may(Capability.MONEY_READ)


def test_who_leads_a_team_may_there_what_a_lead_may():
    assert _user(Role.MEMBER).may_as_lead(Capability.TEAM_POLICY_NARROW)
    assert not _user(Role.MEMBER).may(Capability.TEAM_POLICY_NARROW)
    assert not _user(Role.MEMBER).may_as_lead(Capability.POLICY_WRITE)


def test_a_token_leads_within_its_scopes_and_only_in_a_members_right():
    narrow = Capability.TEAM_POLICY_NARROW
    assert _token(Scope.POLICY_WRITE, role=Role.MEMBER).may_as_lead(narrow)
    assert not _token(Scope.POLICY_READ, role=Role.MEMBER).may_as_lead(narrow)
    assert _token(Scope.POLICY_READ, role=Role.MEMBER).may_as_lead(Capability.TEAM_POLICY_READ)
    assert not _token(Scope.DESKTOP, role=Role.MEMBER).may_as_lead(Capability.TEAM_POLICY_READ)
    assert not _token(Scope.POLICY_WRITE).may_as_lead(narrow)


def test_only_a_metering_token_reports_events():
    assert _token(Scope.METERING_WRITE).may(Capability.METERING_WRITE)
    assert not _user(Role.OWNER).may(Capability.METERING_WRITE)


def test_the_system_and_our_staff_may_everything():
    for actor in (system(label="sweep"), operator(label="command"), support(staff_id=1)):
        assert all(actor.may(capability) for capability in Capability)


def test_an_identity_provider_may_what_its_scopes_grant():
    scim = Actor(
        kind=ActorKind.SCIM,
        organization_id=1,
        token_id=3,
        scopes=frozenset({Scope.MEMBERS_WRITE}),
    )
    assert scim.may(Capability.MEMBERS_WRITE)
    assert not scim.may(Capability.POLICY_WRITE)


def test_where_a_request_comes_from_tells_no_actors_apart():
    here, there = support(staff_id=1, address="203.0.113.7"), support(staff_id=1)
    assert here == there
    assert (here.label, here.address) == ("staff 1", "203.0.113.7")


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": ActorKind.USER},
        {"kind": ActorKind.USER, "organization_id": 1},
        {"kind": ActorKind.USER, "organization_id": 1, "role": Role.OWNER},
        {"kind": ActorKind.TOKEN, "organization_id": 1},
        {"kind": ActorKind.SCIM, "organization_id": 1},
        {"kind": ActorKind.OPERATOR, "member_id": 1},
    ],
)
def test_half_an_actor_cannot_be_made(parts):
    with pytest.raises(ValueError, match=r"acts with|come together"):
        Actor(**parts)
