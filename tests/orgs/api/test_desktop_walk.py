"""Any sequence of changes: what is served is what a fresh resolution says, and the ETag knows."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from orgs.domain.policy import resolve
from orgs.domain.policy_documents import InvalidPolicy
from orgs.domain.products import Product
from orgs.domain.rules import Setting, SpendingState, SwitchState
from orgs.domain.settings_documents import settings_document
from orgs.models import Member, PolicyException, Team
from orgs.selectors.standings import load_standings
from orgs.services.effective_settings import bump_generation, refresh_settings
from orgs.services.exceptions import end_expired, grant_exception, revoke_exception
from orgs.services.products import switch_product
from orgs.services.spending import set_spending_state
from tests.factories.desktops import Desktop, add_member, in_recording, put_policy, sign_in
from tests.factories.orgs import assign_team, make_organization, make_team

pytestmark = pytest.mark.django_db
SETTINGS = tuple(Setting)
STEPS = 60


class Walk:
    """An organization with two teams and four members, changed at random."""

    def __init__(self, seed: int, clock: Any) -> None:
        self.random = Random(seed)
        self.clock = clock
        self.acme = make_organization("acme").organization
        self.teams = [make_team(self.acme, slug) for slug in ("backend", "frontend")]
        self.desktops = [
            sign_in(add_member(self.acme, f"{name}@acme.example"))
            for name in ("mei", "hao", "lena", "omar")
        ]
        self.refused = 0

    def step(self) -> None:
        """Change one thing; what is refused changes nothing."""
        action = self.random.choice(
            [
                self.save_policy,
                self.save_policy,
                self.save_team_policy,
                self.save_team_policy,
                self.choose,
                self.choose,
                self.choose,
                self.grant,
                self.grant,
                self.revoke,
                self.assign,
                self.order_teams,
                self.switch_offload,
                self.spend,
                self.rename,
                self.let_time_pass,
                self.let_time_pass,
            ]
        )
        action()

    def seconds(self) -> int:
        return self.random.choice([10, 60, 120, 300, 600, 900, 1800, 3600])

    def rule(self, setting: Setting) -> dict[str, Any]:
        if setting is not Setting.IDLE_TIMEOUT_SECONDS:
            return {"state": self.random.choice(list(SwitchState)).value}
        low, default, high = sorted(self.seconds() for _ in range(3))
        rule: dict[str, Any] = {"minimum": low, "maximum": high}
        if self.random.random() < 0.7:
            rule["default"] = default
        if self.random.random() < 0.3:
            rule["locked"] = True
        return rule

    def rules(self) -> dict[str, Any]:
        named = self.random.sample(SETTINGS, self.random.randint(0, 3))
        return {setting.value: self.rule(setting) for setting in named}

    def save_policy(self) -> None:
        self.save(None)

    def save_team_policy(self) -> None:
        self.save(self.random.choice(self.teams))

    def save(self, team: Team | None) -> None:
        try:
            put_policy(self.acme, self.rules(), at=self.clock.now, team=team)
        except InvalidPolicy:
            self.refused += 1

    def choose(self) -> None:
        desktop = self.random.choice(self.desktops)
        setting = self.random.choice(SETTINGS)
        value = self.seconds() if setting is Setting.IDLE_TIMEOUT_SECONDS else True
        chosen = self.random.choice([value, value, None])
        answer = desktop.choose({setting.value: chosen})
        assert answer.status_code in {200, 409}
        self.refused += answer.status_code == 409

    def grant(self) -> None:
        setting = self.random.choice(SETTINGS)
        hours = self.random.randint(1, 6)
        member = self.random.choice(self.desktops).member
        in_recording(
            self.clock.now,
            lambda trail: grant_exception(
                trail=trail,
                member=member,
                setting=setting,
                rule=self.rule(setting),
                reason="a walk",
                expires_at=self.clock.now + timedelta(hours=hours),
            ),
        )

    def revoke(self) -> None:
        in_force = PolicyException.objects.filter(
            state=PolicyException.State.GRANTED, expires_at__gt=self.clock.now
        ).first()
        if in_force is not None:
            in_recording(
                self.clock.now,
                lambda trail: revoke_exception(
                    trail=trail, organization_id=self.acme.pk, number=in_force.pk, note=""
                ),
            )

    def assign(self) -> None:
        member = self.random.choice(self.desktops).member
        assign_team(member, self.random.choice(self.teams), since=self.clock.now)

    def order_teams(self) -> None:
        team = self.random.choice(self.teams)
        last = max(Team.objects.values_list("priority", flat=True))
        Team.objects.filter(pk=team.pk).update(priority=last + 1)
        refresh_settings(organization_id=self.acme.pk, at=self.clock.now)

    def switch_offload(self) -> None:
        in_recording(
            self.clock.now,
            lambda trail: switch_product(
                trail=trail,
                organization_id=self.acme.pk,
                product=Product.OFFLOAD,
                is_enabled=self.random.random() < 0.7,
                reason="",
            ),
        )

    def spend(self) -> None:
        state = self.random.choice(list(SpendingState))
        in_recording(
            self.clock.now,
            lambda trail: set_spending_state(
                trail=trail, organization_id=self.acme.pk, state=state
            ),
        )

    def rename(self) -> None:
        member = self.random.choice(self.desktops).member
        address = f"m{self.random.randint(0, 9)}-{member.pk}@acme.example"
        Member.objects.filter(pk=member.pk).update(email=address)
        bump_generation(organization_id=self.acme.pk)

    def let_time_pass(self) -> None:
        self.clock.forward(self.random.choice([30.0, 1_800.0, 5_000.0]))
        if self.random.random() < 0.5:
            in_recording(self.clock.now, lambda trail: end_expired(trail=trail))

    def expected(self) -> dict[int, dict[str, Any]]:
        """What each member's Desktop must say now, from all that decides about them."""
        standings = load_standings(organization_id=self.acme.pk, at=self.clock.now)
        emails = dict(Member.objects.values_list("pk", "email"))
        return {
            member_id: {
                "organization": "acme",
                "user": emails[member_id],
                "settings": settings_document(resolve(standing, at=self.clock.now)),
                "spending": {"state": standing.spending.value},
            }
            for member_id, standing in standings.items()
        }


def said(desktop: Desktop) -> dict[str, Any]:
    """What a Desktop knows, without what is the same for everybody."""
    return {
        name: desktop.document[name] for name in ("organization", "user", "settings", "spending")
    }


def check(walk: Walk, before: dict[int, tuple[dict[str, Any], str]]) -> int:
    """Poll as every Desktop does; return how many documents have changed."""
    expected = walk.expected()
    changes = 0
    for desktop in walk.desktops:
        answer = desktop.poll()
        document = expected[desktop.member.pk]
        assert said(desktop) == document
        old_document, old_etag = before.get(desktop.member.pk, (None, ""))
        is_changed = document != old_document
        assert (desktop.etag != old_etag) is is_changed
        assert answer.status_code == (200 if is_changed else 304)
        before[desktop.member.pk] = (document, desktop.etag)
        changes += is_changed
    return changes


@pytest.mark.parametrize("seed", range(4))
def test_what_is_served_is_what_a_fresh_resolution_says(clock, seed):
    walk_at_random(clock, seed, steps=STEPS)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(100, 112))
def test_the_same_for_long(clock, seed):
    walk_at_random(clock, seed, steps=300)


def walk_at_random(clock, seed, *, steps):
    walk = Walk(seed, clock)
    before: dict[int, tuple[dict[str, Any], str]] = {}
    assert check(walk, before) == 4
    changes = 0
    for _ in range(steps):
        walk.step()
        clock.forward()
        changes += check(walk, before)
    # the walk went somewhere, and not every step reached everybody
    assert steps / 4 < changes < steps * 3
