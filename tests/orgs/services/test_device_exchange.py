"""One token for any number of polls at once; what is left to expire; what a sweep removes."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from orgs.domain.actors import system
from orgs.domain.device_sign_in import DeviceFacts, PollAnswer
from orgs.models import AccessToken, AuditEvent, Device, DeviceSignIn, WrongUserCode
from orgs.selectors.audit import verify_chain
from orgs.selectors.members import member_actor
from orgs.services import device_exchange
from orgs.services.audit import recording
from orgs.services.device_exchange import exchange_device_code, remove_expired_sign_ins
from orgs.services.device_sign_ins import (
    SignInClosed,
    TooManyWrongCodes,
    approve_sign_in,
    deny_sign_in,
    open_sign_in,
    start_sign_in,
)
from tests.billing.services.threads import at_once
from tests.factories.devices import make_person
from tests.factories.orgs import NOW, make_organization

pytestmark = pytest.mark.django_db(transaction=True)
SWEEP = system(label="sweep")


@pytest.fixture
def mei():
    _, [member] = make_person("mei@acme.example", make_organization("acme").organization)
    return member


def begin(user_code="WDJBMJHT", *, device_id="d1", at=NOW):
    return start_sign_in(
        client_id="docker-desktop",
        device=DeviceFacts(device_id=device_id, name="Laptop", os="", desktop_version="4.50"),
        device_code=f"secret of {user_code}",
        user_code=user_code,
        address="203.0.113.7",
        user_agent="",
        at=at,
    )


def opened(member, user_code="WDJBMJHT", **more):
    begin(user_code, **more)
    return open_sign_in(user_id=member.user_id, user_code=user_code, address=None, at=NOW)


def approved(member, user_code="WDJBMJHT", **more):
    sign_in = opened(member, user_code, **more)
    with recording(actor=member_actor(member), at=NOW) as trail:
        approve_sign_in(trail=trail, sign_in_id=sign_in.pk, member=member)
    return sign_in


def poll(user_code="WDJBMJHT", *, at=NOW):
    return exchange_device_code(
        client_id="docker-desktop", device_code=f"secret of {user_code}", at=at
    )


def sweep(minutes):
    return remove_expired_sign_ins(actor=SWEEP, at=NOW + timedelta(minutes=minutes))


def actions(slug="acme"):
    events = AuditEvent.objects.filter(organization__slug=slug, target_kind="device_sign_in")
    return list(events.order_by("sequence").values_list("action", flat=True))


def test_of_polls_at_once_one_gets_the_token(mei):
    approved(mei)
    exchanges = at_once(*[poll] * 6)
    answers = sorted(exchange.answer for exchange in exchanges)
    assert answers == [PollAnswer.TOKEN] + [PollAnswer.UNKNOWN] * 5
    assert [each.created is not None for each in exchanges].count(True) == 1
    assert AccessToken.objects.get().device == Device.objects.get()
    assert verify_chain(organization_id=mei.organization_id) == []


def test_sign_ins_of_one_device_at_once_leave_one_token(mei):
    codes = ["BBBBBBBB", "CCCCCCCC", "DDDDDDDD", "FFFFFFFF"]
    for code in codes:
        approved(mei, code)
    exchanges = at_once(*[lambda code=code: poll(code) for code in codes])
    assert [exchange.answer for exchange in exchanges] == [PollAnswer.TOKEN] * 4
    assert AccessToken.objects.filter(revoked_at__isnull=True).count() == 1
    assert AccessToken.objects.count() == 4
    assert Device.objects.count() == 1
    assert verify_chain(organization_id=mei.organization_id) == []


def test_an_approval_and_a_denial_at_once_are_one_decision(mei):
    sign_in = opened(mei)
    both_ready = threading.Barrier(2, timeout=30)

    def approving():
        both_ready.wait()
        with recording(actor=member_actor(mei), at=NOW) as trail:
            approve_sign_in(trail=trail, sign_in_id=sign_in.pk, member=mei)

    def denying():
        both_ready.wait()
        deny_sign_in(sign_in_id=sign_in.pk, user_id=mei.user_id, at=NOW)

    def outcome(work):
        try:
            work()
        except SignInClosed:
            return "closed"
        return "done"

    ends = at_once(lambda: outcome(approving), lambda: outcome(denying))
    assert sorted(ends) == ["closed", "done"]
    end = DeviceSignIn.objects.get().state
    assert end == ("approved" if ends[0] == "done" else "denied")
    assert actions() == ["device_sign_in.started", f"device_sign_in.{end}"]


def test_wrong_codes_at_once_do_not_slip_through_below_the_limit(mei):
    def guess():
        try:
            open_sign_in(user_id=mei.user_id, user_code="BBBBBBBB", address=None, at=NOW)
        except TooManyWrongCodes:
            return "refused"
        return "wrong"

    answers = at_once(*[guess] * 8)
    assert sorted(answers) == ["refused"] * 3 + ["wrong"] * 5
    assert WrongUserCode.objects.count() == 5


def test_an_exchange_that_fails_spends_nothing(mei, monkeypatch):
    approved(mei)

    def broken(**_):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(device_exchange, "append_audit", broken)
        with pytest.raises(RuntimeError):
            poll()
    assert not AccessToken.objects.exists()
    assert poll().answer is PollAnswer.TOKEN


def test_a_start_that_nobody_opened_is_removed_and_counted(mei):
    begin()
    assert (sweep(19.99).sign_ins, DeviceSignIn.objects.count()) == (0, 1)
    assert poll(at=NOW + timedelta(minutes=19)).answer is PollAnswer.EXPIRED
    removed = sweep(20)
    assert (removed.sign_ins, removed.unopened) == (1, 1)
    assert poll(at=NOW + timedelta(minutes=20)).answer is PollAnswer.UNKNOWN
    assert actions() == []


def test_a_start_that_someone_opened_and_left_is_recorded_in_their_organizations(mei):
    other = make_organization("other").organization
    make_organization("strange")
    mei.__class__.objects.create(
        organization=other, email=mei.email, role="member", user=mei.user, created_at=NOW
    )
    opened(mei)
    removed = sweep(20)
    assert (removed.sign_ins, removed.unopened) == (1, 0)
    for slug in ("acme", "other"):
        assert actions(slug) == ["device_sign_in.started", "device_sign_in.expired"]
    assert actions("strange") == []
    event = AuditEvent.objects.filter(action="device_sign_in.expired").first()
    assert (event.actor_kind, event.actor_label) == ("system", "sweep")
    assert sweep(21).sign_ins == 0


def test_an_approval_that_no_desktop_fetched_is_recorded_where_it_was_for(mei):
    approved(mei)
    assert sweep(20).sign_ins == 1
    assert actions() == [
        "device_sign_in.started",
        "device_sign_in.approved",
        "device_sign_in.expired",
    ]


def test_what_came_to_an_end_is_removed_without_a_word(mei):
    approved(mei)
    poll()
    deny_sign_in(sign_in_id=opened(mei, "CCCCCCCC").pk, user_id=mei.user_id, at=NOW)
    before = AuditEvent.objects.count()
    removed = sweep(20)
    assert (removed.sign_ins, removed.unopened) == (2, 0)
    assert AuditEvent.objects.count() == before
    assert not DeviceSignIn.objects.exists()
    assert AccessToken.objects.filter(revoked_at__isnull=True).exists()


def test_wrong_codes_are_removed_once_they_do_not_count(mei):
    open_sign_in(user_id=mei.user_id, user_code="BBBBBBBB", address=None, at=NOW)
    sweep(9.99)
    assert WrongUserCode.objects.count() == 1
    sweep(10)
    assert not WrongUserCode.objects.exists()


def test_two_sweeps_at_once_remove_and_record_each_once(mei):
    codes = ["BBBBBBBB", "CCCCCCCC", "DDDDDDDD", "FFFFFFFF"]
    for code in codes:
        opened(mei, code)
    removed = at_once(lambda: sweep(20), lambda: sweep(20))
    assert sum(each.sign_ins for each in removed) == 4
    assert actions().count("device_sign_in.expired") == 4


def test_a_sweep_leaves_what_is_just_being_answered(mei):
    begin()
    locked, done = threading.Event(), threading.Event()

    def answering():
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; SELECT id FROM orgs_devicesignin FOR UPDATE")
            locked.set()
            assert done.wait(timeout=30)
            cursor.execute("ROLLBACK")

    def sweeping():
        assert locked.wait(timeout=30)
        try:
            return sweep(20).sign_ins
        finally:
            done.set()

    assert at_once(sweeping, answering)[0] == 0
    assert sweep(20).sign_ins == 1


def test_one_sweep_takes_so_many_and_the_next_the_rest(mei, monkeypatch):
    monkeypatch.setattr(device_exchange, "REMOVED_AT_ONCE", 2)
    for number, code in enumerate(["BBBBBBBB", "CCCCCCCC", "DDDDDDDD"]):
        begin(code, at=NOW + timedelta(seconds=number))
    assert [sweep(30).sign_ins for _ in range(3)] == [2, 1, 0]
