"""Entries as people read them: sentences, fields, names of now, nothing of the erased."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.utils import translation

from orgs.domain.actors import ActorKind
from orgs.domain.audit_log import LoggedEvent
from orgs.rendering.audit_fields import FieldChange, field_changes
from orgs.rendering.audit_sentences import actor_text, sentence_html, sentence_text
from orgs.rendering.audit_words import problem_text

NAMES = {
    ("organization", "1"): "Acme",
    ("member", "3"): "Mei",
    ("member", "4"): "hao@acme.example",
    ("team", "7"): "Backend",
    ("token", "9"): "CI",
}
EVENT = LoggedEvent(
    organization_id=1,
    sequence=5,
    at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    actor_kind=ActorKind.USER,
    actor_member_id=3,
    actor_token_id=None,
    actor_label="",
    action="team.created",
    target_kind="team",
    target_id="7",
    diff={},
    personal={},
    reason="",
    previous_hash="00" * 32,
    hash="11" * 32,
    names=NAMES,
)


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("action", "target", "diff", "sentence"),
    [
        ("organization.created", ("organization", 1), {}, "Mei created the organization Acme."),
        (
            "member.added",
            ("member", 4),
            {"role": [None, "owner"]},
            "Mei added hao@acme.example with the role Owner.",
        ),
        (
            "members.added",
            ("organization", 1),
            {"member_ids": [None, [4]], "role": [None, "member"]},
            "Mei added 1 member.",
        ),
        (
            "members.added",
            ("organization", 1),
            {"member_ids": [None, [4, 5]], "role": [None, "member"]},
            "Mei added 2 members.",
        ),
        (
            "members.primary_team_assigned",
            ("organization", 1),
            {"member:4": [None, 7], "member:3": [None, 7]},
            "Mei changed the primary teams of 2 members.",
        ),
        ("team.created", ("team", 7), {}, "Mei created the team Backend."),
        (
            "policy.saved",
            ("organization", 1),
            {"revision": [6, 7]},
            "Mei changed the policy of the organization: revision 7.",
        ),
        (
            "policy.saved",
            ("team", 7),
            {"revision": [0, 7]},
            "Mei changed the policy of team Backend: revision 7.",
        ),
        (
            "policy.rolled_back",
            ("team", 7),
            {"revision": [6, 8], "rolled_back_to": [None, 5]},
            "Mei put revision 5 of the policy of team Backend in force again, as revision 8.",
        ),
        (
            "exception.granted",
            ("exception", 2),
            {"member_id": [4, 4], "setting": ["gpu_enabled", "gpu_enabled"]},
            "Mei granted an exception to hao@acme.example: GPU support.",
        ),
        (
            "exception.expired",
            ("exception", 2),
            {"member_id": [4, 4], "setting": ["idle_timeout_seconds", "idle_timeout_seconds"]},
            "The exception of hao@acme.example ended by itself: Idle timeout.",
        ),
        ("settings.chosen", ("member", 3), {}, "Mei chose settings for Mei."),
        (
            "product.switched",
            ("product", "offload"),
            {"enabled": [False, True]},
            "Mei switched Docker Offload on.",
        ),
        (
            "product.switched",
            ("product", "hub"),
            {"enabled": [True, False]},
            "Mei switched Docker Hub off.",
        ),
        ("token.created", ("token", 9), {}, "Mei created the token CI."),
        ("token.revoked", ("token", 10), {}, "Mei revoked the token #10."),
        (
            "spending.state_changed",
            ("organization", 1),
            {"state": ["ok", "blocked"]},
            "Spending reached its limit: no new session may start.",
        ),
        (
            "period.closed",
            ("billing_period", 3),
            {"period": [None, "2026-10"], "invoice": [None, "2026-000002"]},
            "Mei closed the billing period 2026-10 with invoice 2026-000002.",
        ),
        (
            "period.closed",
            ("billing_period", 3),
            {"period": [None, "2026-10"], "invoice": [None, None]},
            "Mei closed the billing period 2026-10; there was nothing to invoice.",
        ),
        (
            "demo.loaded",
            ("organization", 1),
            {"session_events": [None, 175227]},
            "Mei loaded the demonstration with 175227 session events.",
        ),
        # written by code that is gone, or damaged: still a sentence, never an error
        ("thing.vanished", ("thing", 1), {"a": 1}, "Mei did thing.vanished to #1."),
        ("policy.saved", ("thing", 1), {}, "Mei did policy.saved to #1."),
        (
            "spending.state_changed",
            ("organization", 1),
            {"state": 5},
            "Mei did spending.state_changed to Acme.",
        ),
        (
            "members.added",
            ("organization", 1),
            {"member_ids": [None, "x"]},
            "Mei added 0 members.",
        ),
        (
            "member.added",
            ("member", 3),
            {"role": [None, "king"]},
            "Mei added Mei with the role king.",
        ),
    ],
)
def test_what_happened_is_a_sentence(action, target, diff, sentence):
    kind, number = target
    event = replace(EVENT, action=action, target_kind=kind, target_id=str(number), diff=diff)
    assert sentence_text(event) == sentence


def test_the_sentence_follows_the_reader():
    with translation.override("zh-hans"):
        assert sentence_text(EVENT) == "Mei 创建了团队 Backend。"


@pytest.mark.parametrize(
    ("kind", "parts", "subject"),
    [
        (ActorKind.USER, {"actor_member_id": 4}, "hao@acme.example"),
        (ActorKind.USER, {"actor_member_id": 99}, "#99"),
        (ActorKind.TOKEN, {"actor_member_id": 3, "actor_token_id": 9}, "Token CI"),
        (ActorKind.TOKEN, {"actor_token_id": 10}, "Token #10"),
        (ActorKind.SCIM, {"actor_token_id": 9}, "The identity provider"),
        (ActorKind.SYSTEM, {}, "Docker Offload"),
        (ActorKind.OPERATOR, {}, "Docker staff"),
        (ActorKind.SUPPORT, {}, "Docker support"),
    ],
)
def test_everyone_who_acts_has_a_name(kind, parts, subject):
    assert actor_text(replace(EVENT, actor_kind=kind, **parts)) == subject


def test_names_are_bold_and_escaped():
    event = replace(EVENT, names={**NAMES, ("team", "7"): "<script>{x}</script>"})
    assert sentence_html(event) == (
        "<b>Mei</b> created the team <b>&lt;script&gt;{x}&lt;/script&gt;</b>."
    )
    assert sentence_text(event) == "Mei created the team <script>{x}</script>."


def changes(diff, **more):
    return [
        (change.label, change.before, change.after, change.is_change)
        for change in field_changes(replace(EVENT, diff=diff, **more), zone="UTC")
    ]


def test_fields_are_words():
    assert changes(
        {
            "idle_timeout_seconds.maximum": [3600, 1800],
            "idle_timeout_seconds.locked": [False, True],
            "offload_enabled": ["user_defined", "always_disabled"],
            "gpu_enabled": [None, True],
            "role": ["member", "owner"],
            "member_id": [4, 4],
            "member:4": [None, 7],
            "expires_at": [None, "2026-12-01T00:00:00+00:00"],
            "scopes": [None, ["audit:read", "usage:read"]],
            "rule": [None, {"minimum": None, "maximum": 3600, "default": None, "locked": None}],
            "plan": [None, "business"],
            "state": ["ok", "stopping"],
            "cpu-2x4": [None, "0.21"],
        }
    ) == [
        ("Idle timeout · Largest value", "1 h", "30 min", True),
        ("Idle timeout · Locked", "Off", "On", True),
        ("Enable Docker Offload", "User-defined", "Always disabled", True),
        ("GPU support", "–", "On", True),
        ("Role", "Member", "Owner", True),
        ("Member", "hao@acme.example", "hao@acme.example", False),
        ("hao@acme.example", "–", "Backend", True),
        ("Ends", "–", "1 Dec 2026, 00:00:00", True),
        ("Scopes", "–", "audit:read, usage:read", True),
        ("Allows", "–", "at most 1 h", True),
        ("Plan", "–", "Business", True),
        ("State", "Within the limit", "Sessions are stopped", True),
        ("cpu-2x4", "–", "0.21", True),
    ]


@pytest.mark.parametrize(
    ("diff", "seen"),
    [
        ({"role": [None, 5]}, ("Role", "–", "5", True)),
        ({"expires_at": [None, "soon"]}, ("Ends", "–", "soon", True)),
        ({"rule": [None, "x"]}, ("Allows", "–", "x", True)),
        ({"state": ["open", {}]}, ("State", "open", "{}", True)),
        ({"gpu_enabled": ["x", [1]]}, ("GPU support", "x", "[1]", True)),
        ({"made_of": "x"}, ("made of", "–", "x", True)),
        ({"a:b": [None, "x"]}, ("#b", "–", "#x", True)),
    ],
)
def test_what_is_not_understood_is_shown_as_it_is(diff, seen):
    assert changes(diff) == [seen]


def test_long_lists_and_many_fields_are_cut_and_counted():
    (row,) = changes({"member_ids": [None, list(range(100, 130))]})
    assert row[2].startswith("#100, #101, ")
    assert row[2].endswith("#119 and 10 more")
    assert len(changes({f"field_{number}": [None, 1] for number in range(60)})) == 50


def test_personal_values_are_shown_as_long_as_they_are_there():
    kept = {"email": "mei@acme.example", "address": "203.0.113.7", "name": None}
    assert field_changes(replace(EVENT, personal=kept), zone="UTC") == [
        FieldChange(label="E-mail", before="–", after="mei@acme.example", is_change=False),
        FieldChange(label="Name", before="–", after="erased", is_change=False),
    ]
    assert replace(EVENT, personal=kept).address == "203.0.113.7"


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("the event was changed", "the entry was changed"),
        ("the personal value email was changed", "a personal value was changed"),
    ],
)
def test_what_is_wrong_is_said(problem, text):
    assert problem_text(problem) == text
