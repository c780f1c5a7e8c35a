"""The life of an exception: asked for or given, decided once, ended once."""

from datetime import timedelta

import pytest

from orgs.domain.policy_documents import InvalidPolicy
from orgs.models import AuditEvent, SettingsVersion
from orgs.selectors.members import member_actor
from orgs.selectors.settings_versions import find_held
from orgs.services.audit import recording
from orgs.services.exceptions import (
    ExceptionNotOpen,
    RequestExists,
    approve_exception,
    end_expired,
    refuse_exception,
    revoke_exception,
    withdraw_exception,
)
from tests.factories.orgs import NOW, OPERATOR, make_member, make_organization
from tests.factories.policy import (
    DAY,
    ask,
    everything_stored,
    grant,
    held,
    join,
    save,
    timeout,
    value,
)

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)
LATER = NOW + timedelta(hours=1)
TIMEOUT, GPU = "idle_timeout_seconds", "gpu_enabled"


@pytest.fixture
def acme():
    organization = make_organization("acme").organization
    save(organization, timeout(maximum=600) | {"gpu_enabled": {"state": "always_disabled"}})
    return organization


@pytest.fixture
def mei(acme):
    return join(acme, "mei")[0]


@pytest.fixture
def admin(acme):
    return member_actor(make_member(acme, "admin@acme.example"))


def decide(service, row, *, at=LATER, note="", actor=OPERATOR):
    with recording(actor=actor, at=at) as trail:
        return service(trail=trail, organization_id=row.organization_id, number=row.pk, note=note)


def withdraw(member, row, *, at=LATER):
    with recording(actor=member_actor(member), at=at) as trail:
        return withdraw_exception(trail=trail, member=member, number=row.pk)


def sweep(*, at):
    with recording(actor=OPERATOR, at=at) as trail:
        return end_expired(trail=trail)


def facts(row):
    row.refresh_from_db()
    return row.state, row.decided_at, row.ended_at


def last_event():
    return AuditEvent.objects.order_by("sequence").last()


def test_what_is_asked_for_holds_only_once_approved(mei, admin):
    row = ask(mei, GPU, {"state": "enabled"}, reason="training")
    assert (row.member, row.setting, row.rule, row.reason) == (
        mei,
        "gpu_enabled",
        {"state": "enabled"},
        "training",
    )
    assert facts(row) == ("requested", None, None)
    assert value(mei, GPU) is False
    event = last_event()
    assert (event.action, event.actor_member_id, event.target_id) == (
        "exception.requested",
        mei.pk,
        str(row.pk),
    )

    decide(approve_exception, row, note="until the release", actor=admin)

    assert facts(row) == ("granted", LATER, None)
    assert (row.decided_by_id, row.decision_note) == (admin.member_id, "until the release")
    assert (value(mei, GPU, at=LATER - MICROSECOND), value(mei, GPU, at=LATER)) == (False, True)
    event = last_event()
    assert (event.action, event.reason) == ("exception.granted", "until the release")
    assert event.diff == {
        "member_id": [mei.pk, mei.pk],
        "setting": ["gpu_enabled", "gpu_enabled"],
        "rule": [None, {"state": "enabled"}],
        "expires_at": [None, "2026-11-25T09:00:00+00:00"],
    }


def test_what_is_refused_or_withdrawn_never_holds(mei, admin):
    versions = SettingsVersion.objects.count()
    refused, withdrawn = ask(mei, GPU, {"state": "enabled"}), ask(mei, TIMEOUT, {"maximum": 900})
    decide(refuse_exception, refused, note="no budget", actor=admin)
    assert facts(refused) == ("refused", LATER, LATER)
    assert (refused.decided_by_id, refused.decision_note) == (admin.member_id, "no budget")
    assert (last_event().action, last_event().reason) == ("exception.refused", "no budget")
    withdraw(mei, withdrawn)
    assert facts(withdrawn) == ("withdrawn", None, LATER)
    assert last_event().action == "exception.withdrawn"
    assert SettingsVersion.objects.count() == versions


def test_a_grant_widens_and_ends_exactly_at_its_instant_with_nothing_running(mei):
    row = grant(mei, TIMEOUT, {"maximum": 3600, "default": 1800})
    version = held(mei)
    assert version.settings[TIMEOUT] == {
        "value": 1800,
        "minimum": 10,
        "maximum": 3600,
        "default": 1800,
        "locked": False,
        "chosen": None,
        "source": {"level": "exception", "name": str(row.pk)},
        "reasons": ["EXCEPTION"],
    }
    end = row.expires_at
    found = find_held(organization_id=mei.organization_id, member_id=mei.pk, at=NOW)
    assert found.valid_until == end
    assert value(mei, TIMEOUT, at=end - MICROSECOND) == 1800
    assert value(mei, TIMEOUT, at=end) == 300
    after = find_held(organization_id=mei.organization_id, member_id=mei.pk, at=end)
    assert after.valid_until is None
    assert after.version.revision > version.revision
    assert after.version.since == end


def test_it_lifts_a_lock_of_its_own_setting_only(mei, acme):
    grant(mei, GPU, {"state": "always_enabled"})
    settings = held(mei).settings
    assert (settings[GPU]["value"], settings[GPU]["locked"]) == (True, True)
    assert settings[TIMEOUT]["maximum"] == 600


def test_it_is_one_members(mei, acme):
    [bo] = join(acme, "bo")
    before = held(bo)
    grant(mei, GPU, {"state": "enabled"}, at=LATER)
    assert held(bo, at=LATER) == before


def test_revoking_ends_it_now_and_nothing_lies_ahead(mei, admin):
    row = grant(mei, GPU, {"state": "enabled"})
    decide(revoke_exception, row, note="misused", actor=admin)
    assert facts(row) == ("revoked", NOW, LATER)
    assert (value(mei, GPU, at=LATER - MICROSECOND), value(mei, GPU, at=LATER)) == (True, False)
    found = find_held(organization_id=mei.organization_id, member_id=mei.pk, at=LATER)
    assert found.valid_until is None
    assert held(mei, at=row.expires_at) == held(mei, at=LATER)
    assert (last_event().action, last_event().reason) == ("exception.revoked", "misused")


def test_a_second_grant_for_the_setting_ends_the_first(mei):
    first = grant(mei, TIMEOUT, {"maximum": 1200, "default": 1200})
    other = grant(mei, GPU, {"state": "enabled"})
    second = grant(mei, TIMEOUT, {"maximum": 900, "default": 900}, at=LATER, lasting=5 * DAY)
    assert facts(first) == ("revoked", NOW, LATER)
    assert facts(second) == ("granted", LATER, None)
    assert facts(other) == ("granted", NOW, None)
    assert value(mei, TIMEOUT, at=LATER) == 900
    assert value(mei, TIMEOUT, at=first.expires_at) == 900  # the first one's end is void
    assert value(mei, TIMEOUT, at=second.expires_at) == 300
    actions = list(AuditEvent.objects.order_by("-sequence").values_list("action", flat=True)[:2])
    assert actions == ["exception.granted", "exception.revoked"]


def test_an_approval_ends_what_is_in_force_for_the_setting_too(mei):
    first, asked = grant(mei, GPU, {"state": "enabled"}), ask(mei, GPU, {"state": "enabled"})
    decide(approve_exception, asked)
    assert facts(first) == ("revoked", NOW, LATER)
    assert facts(asked) == ("granted", LATER, None)


def test_a_grant_after_an_end_that_nobody_has_noted_yet_notes_it(mei):
    first = grant(mei, GPU, {"state": "enabled"})
    grant(mei, GPU, {"state": "enabled"}, at=first.expires_at + DAY)
    assert facts(first) == ("expired", NOW, first.expires_at)


def test_the_sweep_notes_ends_and_changes_no_settings(mei, acme):
    [bo] = join(make_organization("other").organization, "bo")
    over = grant(mei, TIMEOUT, {"maximum": 900})
    elsewhere = grant(bo, GPU, {"state": "enabled"})
    lasts = grant(mei, GPU, {"state": "enabled"}, lasting=DAY + MICROSECOND)
    versions = SettingsVersion.objects.count()
    assert sweep(at=over.expires_at - MICROSECOND) == 0
    assert sweep(at=over.expires_at) == 2
    assert facts(over) == ("expired", NOW, NOW + DAY)
    assert facts(elsewhere) == ("expired", NOW, NOW + DAY)
    assert facts(lasts) == ("granted", NOW, None)
    assert SettingsVersion.objects.count() == versions
    assert last_event().action == "exception.expired"
    stored = everything_stored()
    assert sweep(at=over.expires_at) == 0
    assert everything_stored() == stored


@pytest.mark.parametrize(
    "end",
    [approve_exception, refuse_exception, revoke_exception, None],
    ids=["approve", "refuse", "revoke", "withdraw"],
)
@pytest.mark.parametrize(
    "state", ["requested", "refused", "withdrawn", "granted", "expired", "revoked"]
)
def test_each_step_has_the_states_it_starts_from(mei, end, state):
    make = ask if state in {"requested", "refused", "withdrawn"} else grant
    row = make(mei, GPU, {"state": "enabled"})
    if state == "refused":
        decide(refuse_exception, row)
    elif state == "withdrawn":
        withdraw(mei, row)
    elif state == "revoked":
        decide(revoke_exception, row)
    elif state == "expired":
        sweep(at=row.expires_at)
    allowed = state == ("granted" if end is revoke_exception else "requested")
    stored = everything_stored()

    def step():
        return decide(end, row) if end else withdraw(mei, row)

    if allowed:
        step()
    else:
        with pytest.raises(ExceptionNotOpen):
            step()
        assert everything_stored() == stored


def test_what_is_over_is_neither_approved_nor_revoked(mei):
    asked, given = ask(mei, GPU, {"state": "enabled"}), grant(mei, TIMEOUT, {"maximum": 900})
    stored = everything_stored()
    with pytest.raises(ExceptionNotOpen):
        decide(approve_exception, asked, at=asked.expires_at)
    with pytest.raises(ExceptionNotOpen):
        decide(revoke_exception, given, at=given.expires_at)
    assert everything_stored() == stored


def test_one_open_request_for_a_setting(mei, acme):
    row = ask(mei, GPU, {"state": "enabled"})
    with pytest.raises(RequestExists):
        ask(mei, GPU, {"state": "always_enabled"}, at=LATER)
    ask(mei, TIMEOUT, {"maximum": 900})
    ask(join(acme, "bo")[0], GPU, {"state": "enabled"})
    withdraw(mei, row)
    ask(mei, GPU, {"state": "always_enabled"}, at=LATER)


def test_a_request_whose_end_has_passed_gives_way_to_another(mei):
    first = ask(mei, GPU, {"state": "enabled"})
    second = ask(mei, GPU, {"state": "enabled"}, at=first.expires_at)
    assert facts(first) == ("withdrawn", None, first.expires_at)
    assert facts(second) == ("requested", None, None)


def test_ids_of_others_open_nothing(mei, acme):
    [bo] = join(acme, "bo")
    other = make_organization("other").organization
    mine, theirs = ask(mei, GPU, {"state": "enabled"}), grant(bo, GPU, {"state": "enabled"})
    stored = everything_stored()
    with pytest.raises(ExceptionNotOpen):
        withdraw(bo, mine)
    for service, row in (
        (approve_exception, mine),
        (refuse_exception, mine),
        (revoke_exception, theirs),
    ):
        with pytest.raises(ExceptionNotOpen), recording(actor=OPERATOR, at=LATER) as trail:
            service(trail=trail, organization_id=other.pk, number=row.pk, note="")
    assert everything_stored() == stored


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"rule": {"maximum": 3601}}, [("/rule/maximum", "out_of_bounds")]),
        ({"rule": {"maximum": 20, "minimum": 30}}, [("/rule", "empty_range")]),
        ({"rule": {}}, [("/rule", "empty_rule")]),
        ({"rule": []}, [("/rule", "not_an_object")]),
        ({"rule": None}, [("/rule", "not_an_object")]),
        ({"rule": {"state": "enabled"}}, [("/rule/state", "unknown_field")]),
        (
            {"setting": GPU, "rule": {"state": "on", "a/b": 1}},
            [("/rule/a~1b", "unknown_field"), ("/rule/state", "invalid_state")],
        ),
        ({"reason": " \n"}, [("/reason", "blank")]),
        ({"reason": "x" * 1001}, [("/reason", "max_length")]),
        ({"lasting": timedelta(0)}, [("/expires_at", "exception_end")]),
        ({"lasting": -DAY}, [("/expires_at", "exception_end")]),
        ({"lasting": 90 * DAY + MICROSECOND}, [("/expires_at", "exception_end")]),
        (
            {"rule": {"default": 5}, "reason": "", "lasting": 91 * DAY},
            [
                ("/rule/default", "out_of_bounds"),
                ("/reason", "blank"),
                ("/expires_at", "exception_end"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("make", [ask, grant])
def test_what_cannot_be_is_told_all_at_once(mei, make, change, errors):
    stored = everything_stored()
    given = {"setting": TIMEOUT, "rule": {"maximum": 900}} | change
    with pytest.raises(InvalidPolicy) as refused:
        make(mei, **given)
    assert [(error.pointer, error.code) for error in refused.value.errors] == errors
    assert everything_stored() == stored


@pytest.mark.parametrize("make", [ask, grant])
def test_ninety_days_are_allowed(mei, make):
    row = make(mei, TIMEOUT, {"maximum": 900}, lasting=90 * DAY, reason="x" * 1000)
    assert row.expires_at == NOW + timedelta(days=90)
