"""A random walk through every service that decides about settings."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from orgs.domain.policy_documents import InvalidPolicy, read_rules
from orgs.domain.products import Product
from orgs.domain.rules import Setting, SpendingState, SwitchState
from orgs.models import PolicyException, PolicyRevision, Team
from orgs.selectors.policies import get_policy
from orgs.services.audit import AuditTrail, recording
from orgs.services.choices import SettingLocked, choose
from orgs.services.exceptions import (
    ExceptionNotOpen,
    RequestExists,
    approve_exception,
    end_expired,
    grant_exception,
    refuse_exception,
    request_exception,
    revoke_exception,
    withdraw_exception,
)
from orgs.services.policies import roll_back_policy, save_policy
from orgs.services.products import switch_product
from orgs.services.spending import set_spending_state
from orgs.services.team_members import set_team_members
from orgs.services.teams import order_teams
from tests.factories.orgs import NOW, OPERATOR, make_organization, make_team
from tests.factories.policy import join

SECONDS = (10, 60, 120, 300, 600, 900, 1800, 3600)
REFUSALS = (InvalidPolicy, SettingLocked, ExceptionNotOpen, RequestExists)


class Walk:
    """An organization with four members and three teams; each step is one random service."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.at: datetime = NOW
        self.organization = make_organization("acme").organization
        self.members = join(self.organization, "mei", "bo", "lena", "hao")
        self.teams = [make_team(self.organization, slug) for slug in ("a", "b", "c")]

    def step(self) -> str:
        """Do something, some time later; returns what, and how it was refused if it was."""
        self.at += timedelta(minutes=self.random.choice((1, 30, 60, 600)))
        do: Callable[[AuditTrail], Any] = self.random.choice(
            [
                self.save,
                self.save,
                self.roll_back,
                self.choose,
                self.choose,
                self.grant,
                self.ask,
                self.decide,
                self.decide,
                self.sweep,
                self.people,
                self.order,
                self.product,
                self.spend,
            ]
        )
        try:
            with recording(actor=OPERATOR, at=self.at) as trail:
                do(trail)
        except REFUSALS as refused:
            return f"{do.__name__}: {type(refused).__name__}"
        return do.__name__

    def save(self, trail: AuditTrail) -> None:
        team = self._some_team()
        save_policy(
            trail=trail,
            organization=self.organization,
            rules=read_rules(self._document()),
            expected_revision=self._revision(team),
            reason="",
            team=team,
        )

    def roll_back(self, trail: AuditTrail) -> None:
        row = self.random.choice(list(PolicyRevision.objects.order_by("revision")))
        roll_back_policy(
            trail=trail,
            organization=self.organization,
            revision=row.revision,
            expected_revision=self._revision(row.team),
            reason="",
            team=row.team,
        )

    def choose(self, trail: AuditTrail) -> None:
        setting = self.random.choice(list(Setting))
        chosen = (
            self.random.choice((*SECONDS, None))
            if setting is Setting.IDLE_TIMEOUT_SECONDS
            else self.random.choice((True, False, None))
        )
        choose(trail=trail, member=self.random.choice(self.members), choices={setting: chosen})

    def grant(self, trail: AuditTrail) -> None:
        grant_exception(trail=trail, **self._exception())

    def ask(self, trail: AuditTrail) -> None:
        request_exception(trail=trail, **self._exception())

    def decide(self, trail: AuditTrail) -> None:
        rows = list(PolicyException.objects.order_by("pk"))
        if not rows:
            return
        row = self.random.choice(rows)
        if self.random.random() < 0.2:
            withdraw_exception(trail=trail, member=row.member, number=row.pk)
            return
        service = self.random.choice((approve_exception, refuse_exception, revoke_exception))
        service(trail=trail, organization_id=self.organization.pk, number=row.pk, note="")

    def sweep(self, trail: AuditTrail) -> None:
        end_expired(trail=trail)

    def people(self, trail: AuditTrail) -> None:
        members = self.random.sample(self.members, self.random.randint(0, 4))
        set_team_members(
            trail=trail,
            team=self.random.choice(self.teams),
            member_ids=[member.pk for member in members],
        )

    def order(self, trail: AuditTrail) -> None:
        slugs = [team.slug for team in self.teams]
        self.random.shuffle(slugs)
        order_teams(trail=trail, organization_id=self.organization.pk, slugs=slugs)

    def product(self, trail: AuditTrail) -> None:
        switch_product(
            trail=trail,
            organization_id=self.organization.pk,
            product=Product.OFFLOAD,
            is_enabled=self.random.random() < 0.7,
            reason="",
        )

    def spend(self, trail: AuditTrail) -> None:
        set_spending_state(
            trail=trail,
            organization_id=self.organization.pk,
            state=self.random.choice(list(SpendingState)),
        )

    def _some_team(self) -> Team | None:
        return self.random.choice([*self.teams, None, None])

    def _revision(self, team: Team | None) -> int:
        team_id = team.pk if team else None
        return get_policy(organization_id=self.organization.pk, team_id=team_id).revision

    def _document(self) -> dict[str, Any]:
        return {
            setting.value: self._rule(setting)
            for setting in self.random.sample(list(Setting), self.random.randint(0, 3))
        }

    def _rule(self, setting: Setting) -> dict[str, Any]:
        if setting is not Setting.IDLE_TIMEOUT_SECONDS:
            return {"state": self.random.choice(list(SwitchState)).value}
        low, default, high = sorted(self.random.choices(SECONDS, k=3))
        rule = {"minimum": low, "maximum": high, "default": default, "locked": low == high}
        parts = self.random.sample(list(rule), self.random.randint(1, 4))
        return {part: rule[part] for part in parts}

    def _exception(self) -> dict[str, Any]:
        setting = self.random.choice(list(Setting))
        return {
            "member": self.random.choice(self.members),
            "setting": setting,
            "rule": self._rule(setting),
            "reason": "walk",
            "expires_at": self.at + timedelta(hours=self.random.choice((1, 5, 48, 24 * 90))),
        }
