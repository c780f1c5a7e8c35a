"""Two writers at once: one wins or both count, and no settings stay behind."""

from datetime import timedelta
from itertools import permutations
from threading import Barrier

import pytest

from orgs.domain.actors import system
from orgs.domain.policy import resolve
from orgs.domain.policy_documents import read_rules
from orgs.domain.products import Product
from orgs.domain.rules import Setting, SpendingState
from orgs.domain.settings_documents import settings_document
from orgs.models import Member, PolicyException, PolicyRevision
from orgs.selectors.audit import verify_chain
from orgs.selectors.policies import get_policy
from orgs.selectors.standings import load_standings
from orgs.services.audit import recording
from orgs.services.choices import choose
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
from orgs.services.members import ensure_members
from orgs.services.policies import StalePolicy, save_policy
from orgs.services.products import switch_product
from orgs.services.spending import set_spending_state
from orgs.services.team_members import set_team_members
from orgs.services.teams import order_teams
from tests.billing.services.threads import at_once
from tests.factories.orgs import NOW, OPERATOR, make_organization, make_team
from tests.factories.policy import DAY, ask, grant, held, join, save, timeout
from tests.orgs.services.interleaving import second_waits

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)
AFTER = LATER + timedelta(seconds=1)


@pytest.fixture
def acme():
    return make_organization("acme").organization


@pytest.fixture
def mei(acme):
    return join(acme, "mei")[0]


@pytest.fixture
def team(acme):
    team = make_team(acme, "backend")
    save(acme, timeout(default=120), team=team)
    return team


def in_own_transaction(do, *, at):
    """Work that does something in a transaction of its own."""

    def work():
        with recording(actor=OPERATOR, at=at) as trail:
            return do(trail)

    return work


def saving(organization, document, *, expected, team=None):
    return lambda trail: save_policy(
        trail=trail,
        organization=organization,
        rules=read_rules(document),
        expected_revision=expected,
        reason="",
        team=team,
    )


def nobodys_settings_stayed_behind(organization, *, at=AFTER):
    standings = load_standings(organization_id=organization.pk, at=at)
    stored = {
        member.pk: (held(member, at=at).settings, held(member, at=at).spending)
        for member in Member.objects.filter(organization=organization, pk__in=standings)
    }
    assert stored == {
        member_id: (settings_document(resolve(standing, at=at)), standing.spending.value)
        for member_id, standing in standings.items()
    }
    assert verify_chain(organization_id=organization.pk) == []


def test_of_two_saves_over_one_revision_one_wins(acme, mei):
    second = in_own_transaction(saving(acme, timeout(default=240), expected=1), at=AFTER)
    with second_waits(second) as start, recording(actor=OPERATOR, at=LATER) as trail:
        first = saving(acme, timeout(default=120), expected=1)(trail)
        outcome = start()
    with pytest.raises(StalePolicy) as refused:
        outcome.result()
    assert refused.value.current == first == get_policy(organization_id=acme.pk)
    assert PolicyRevision.objects.count() == 2
    nobodys_settings_stayed_behind(acme)


def test_of_many_saves_at_once_exactly_one_wins(acme, mei):
    start = Barrier(4)

    def work(seconds):
        def run():
            start.wait(timeout=30)
            try:
                return save(acme, timeout(default=seconds), expected=1, at=LATER).revision
            except StalePolicy:
                return None

        return run

    won = [revision for revision in at_once(*map(work, (60, 70, 80, 90))) if revision]
    assert won == [get_policy(organization_id=acme.pk).revision]
    nobodys_settings_stayed_behind(acme)


def test_after_a_save_that_fails_the_second_one_counts(acme, mei):
    second = in_own_transaction(saving(acme, timeout(default=240), expected=1), at=AFTER)

    def fail(start):
        with recording(actor=OPERATOR, at=LATER) as trail:
            saving(acme, timeout(default=120), expected=1)(trail)
            outcomes.append(start())
            raise RuntimeError

    outcomes = []
    with second_waits(second) as start, pytest.raises(RuntimeError):
        fail(start)
    assert outcomes[0].result().document == timeout(default=240)
    nobodys_settings_stayed_behind(acme)


def changes(acme, mei, team):
    """Every change of what decides about mei, as something a transaction does."""
    [bo] = join(acme, "bo")
    other = make_team(acme, "other")
    save(acme, timeout(default=240), team=other)
    expected = get_policy(organization_id=acme.pk).revision
    return {
        "policy": saving(acme, timeout(maximum=900, default=600), expected=expected),
        "team policy": saving(
            acme,
            timeout(default=60),
            team=team,
            expected=get_policy(organization_id=acme.pk, team_id=team.pk).revision,
        ),
        "come": lambda trail: set_team_members(trail=trail, team=team, member_ids=[mei.pk, bo.pk]),
        "come elsewhere": lambda trail: set_team_members(
            trail=trail, team=other, member_ids=[mei.pk]
        ),
        "order": lambda trail: order_teams(
            trail=trail, organization_id=acme.pk, slugs=["other", "backend"]
        ),
        "join": lambda trail: ensure_members(
            trail=trail, organization_id=acme.pk, emails=["new@acme.example"]
        ),
        "choose": lambda trail: choose(
            trail=trail, member=mei, choices={Setting.IDLE_TIMEOUT_SECONDS: 1000}
        ),
        "grant": lambda trail: grant_exception(
            trail=trail,
            member=mei,
            setting=Setting.GPU_ENABLED,
            rule={"state": "enabled"},
            reason="x",
            expires_at=NOW + DAY,
        ),
        "product": lambda trail: switch_product(
            trail=trail,
            organization_id=acme.pk,
            product=Product.OFFLOAD,
            is_enabled=False,
            reason="",
        ),
        "spending": lambda trail: set_spending_state(
            trail=trail, organization_id=acme.pk, state=SpendingState.BLOCKED
        ),
    }


NAMES = (
    "policy",
    "team policy",
    "come",
    "come elsewhere",
    "order",
    "join",
    "choose",
    "grant",
    "product",
    "spending",
)


@pytest.mark.parametrize(("first", "second"), [*permutations(NAMES, 2)])
def test_two_changes_at_once_both_count(acme, mei, team, first, second):
    do = changes(acme, mei, team)
    # the second takes its instant before the first commits, so it may well be the earlier one
    work = in_own_transaction(do[second], at=LATER - timedelta(seconds=1))
    with second_waits(work) as start, recording(actor=OPERATOR, at=LATER) as trail:
        do[first](trail)
        outcome = start()
    outcome.result()
    nobodys_settings_stayed_behind(acme)


def test_of_two_grants_for_a_setting_one_is_in_force(acme, mei):
    def granting(at):
        return lambda trail: grant_exception(
            trail=trail,
            member=mei,
            setting=Setting.GPU_ENABLED,
            rule={"state": "enabled"},
            reason="x",
            expires_at=at + DAY,
        )

    with (
        second_waits(in_own_transaction(granting(AFTER), at=AFTER)) as start,
        recording(actor=OPERATOR, at=LATER) as trail,
    ):
        granting(LATER)(trail)
        outcome = start()
    outcome.result()
    assert list(PolicyException.objects.order_by("pk").values_list("state", "decided_at")) == [
        ("revoked", LATER),
        ("granted", AFTER),
    ]
    nobodys_settings_stayed_behind(acme)


def deciding(service, row):
    if service is withdraw_exception:
        return lambda trail: service(trail=trail, member=row.member, number=row.pk)
    return lambda trail: service(
        trail=trail, organization_id=row.organization_id, number=row.pk, note=""
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (approve_exception, refuse_exception),
        (refuse_exception, approve_exception),
        (approve_exception, withdraw_exception),
        (withdraw_exception, approve_exception),
        (approve_exception, approve_exception),
    ],
)
def test_a_request_is_decided_once(acme, mei, first, second):
    row = ask(mei, "gpu_enabled", {"state": "enabled"})
    work = in_own_transaction(deciding(second, row), at=AFTER)
    with second_waits(work) as start, recording(actor=OPERATOR, at=LATER) as trail:
        state = deciding(first, row)(trail).state
        outcome = start()
    with pytest.raises(ExceptionNotOpen):
        outcome.result()
    row.refresh_from_db()
    assert row.state == state
    nobodys_settings_stayed_behind(acme)


def test_of_two_requests_for_a_setting_one_is_stored(acme, mei):
    def asking(trail):
        return request_exception(
            trail=trail,
            member=mei,
            setting=Setting.GPU_ENABLED,
            rule={"state": "enabled"},
            reason="x",
            expires_at=NOW + DAY,
        )

    work = in_own_transaction(asking, at=AFTER)
    with second_waits(work) as start, recording(actor=OPERATOR, at=LATER) as trail:
        asking(trail)
        outcome = start()
    with pytest.raises(RequestExists):
        outcome.result()
    assert PolicyException.objects.count() == 1


def test_two_sweeps_at_once_note_an_end_once(acme, mei):
    row = grant(mei, "gpu_enabled", {"state": "enabled"})
    sweep = in_own_transaction(lambda trail: end_expired(trail=trail), at=row.expires_at)
    with recording(actor=system(label="sweep"), at=row.expires_at) as trail:
        assert end_expired(trail=trail) == 1
        assert at_once(sweep) == [0]  # it passes over what another one has in hand
    assert sweep() == 0


def test_a_sweep_never_waits_for_whoever_revokes(acme, mei):
    row = grant(mei, "gpu_enabled", {"state": "enabled"})
    sweep = in_own_transaction(lambda trail: end_expired(trail=trail), at=row.expires_at)
    with recording(actor=OPERATOR, at=LATER) as trail:
        revoke_exception(trail=trail, organization_id=acme.pk, number=row.pk, note="")
        assert at_once(sweep) == [0]
    row.refresh_from_db()
    assert row.state == "revoked"
