"""Several folds at once, ingest in the middle of one, a fold that is killed: the same result."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from billing.domain.events import Event
from billing.domain.instants import datetime_of
from billing.models import OffloadSession, Stream, StreamMark
from billing.services import session_store
from billing.services import sessions as service
from billing.services.sessions import FoldResult, fold_all, fold_sessions
from orgs.models import Member
from tests.billing.services.kept_streams import is_kept, should_be, tell
from tests.billing.services.test_fold import SEAM, actives, at, spans
from tests.billing.services.threads import at_once, rows
from tests.factories.orgs import make_member
from tests.factories.usage import Customer, make_customer

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AFTER = datetime_of(SEAM) + timedelta(days=30)


@pytest.fixture
def acme() -> Customer:
    return make_customer("acme", zone="Asia/Shanghai")


@pytest.fixture
def members(acme) -> list[Member]:
    return [make_member(acme.organization, f"m{n}@acme.example") for n in range(12)]


def pattern(number: int) -> list[Event]:
    return [*actives(*range(-3_000, 3_000, 140 + 40 * number)), *actives(20_000 + number)]


def test_folders_at_once_store_what_one_stores(acme, members):
    events = {member: pattern(number) for number, member in enumerate(members)}
    for member, these in events.items():
        tell(member, these[1::2])
    fold_all(as_of=LONG_AFTER)
    for member, these in events.items():
        tell(member, these[::2])  # late between what is stored

    def work() -> int:
        done = 0
        while step := fold_sessions(as_of=LONG_AFTER, streams_at_once=2).streams:
            done += step
        return done

    shares = at_once(work, work, work)
    while fold_sessions(as_of=LONG_AFTER).streams:  # a worker may have found all of them taken
        pass
    assert sum(shares) <= len(members)
    assert StreamMark.objects.count() == 0
    for member, these in events.items():
        assert is_kept(member) == should_be(member, these)


def test_a_stream_that_another_fold_holds_is_left_alone(acme, members):
    mine, other = members[:2]
    tell(mine, actives(0))
    tell(other, actives(0))
    fold_all(as_of=LONG_AFTER)
    tell(mine, actives(100))
    tell(other, actives(100))
    with transaction.atomic():
        Stream.objects.select_for_update().get(member=mine)
        (done,) = at_once(lambda: fold_sessions(as_of=LONG_AFTER))
        assert done.streams == 1
        assert len(is_kept(other)) == 1
    assert StreamMark.objects.count() == 1
    assert fold_all(as_of=LONG_AFTER).streams == 1


def test_marks_that_come_during_a_fold_survive_it(acme, members, monkeypatch):
    member = members[0]
    tell(member, actives(0))
    fold_all(as_of=LONG_AFTER)
    tell(member, actives(100))
    finish = service.finish_claims

    def finish_late(*arguments, **named):
        # after this fold has read marks and events, before it commits: in order, late, a tie
        at_once(lambda: tell(member, actives(200, -500, 100, timeout=10)))
        finish(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(service, "finish_claims", finish_late)
        fold_sessions(as_of=LONG_AFTER)
    assert [entry.event_count for entry in is_kept(member).values()] == [2]
    assert StreamMark.objects.count() == 1
    fold_all(as_of=LONG_AFTER)
    assert is_kept(member) == should_be(
        member, [*actives(0, 100), *actives(200, -500, 100, timeout=10)]
    )


def test_events_that_come_between_two_reads_of_a_fold_are_not_lost(acme, members, monkeypatch):
    """They may be seen without their mark, or not at all: their mark brings them back."""
    monkeypatch.setattr(service, "FIRST_EVENTS", 2)
    monkeypatch.setattr(service, "EVENTS_AT_ONCE", 3)
    member = members[0]
    told = actives(*range(0, 4_000, 400))
    tell(member, told)
    read = service.read_stream_events
    pending = [actives(-700), actives(50, 1_250, 3_650), actives(4_100), actives(410)]

    def read_and_more(*arguments, **named):
        yield from read(*arguments, **named)
        if pending:
            new = pending.pop()
            told.extend(new)
            at_once(lambda: tell(member, new))

    with monkeypatch.context() as patch:
        patch.setattr(service, "read_stream_events", read_and_more)
        fold_sessions(as_of=LONG_AFTER)
        fold_sessions(as_of=LONG_AFTER)
    fold_all(as_of=LONG_AFTER)
    assert pending == []
    assert is_kept(member) == should_be(member, told)


@pytest.mark.parametrize("statement", range(1, 7))
def test_a_fold_killed_at_any_statement_of_its_writes_changes_nothing(
    acme, members, monkeypatch, statement
):
    member = members[0]
    tell(member, actives(0, 1_000))
    fold_all(as_of=LONG_AFTER)
    before = is_kept(member), Stream.objects.get(member=member).checkpoint
    tell(member, actives(500, 800, 5_000))
    marks = list(StreamMark.objects.values_list())
    write = session_store.SessionStore._write

    class Killed(DatabaseError):
        pass

    def kill_at(self, cursor: CursorWrapper) -> None:
        count = 0

        def execute(call, sql, parameters, many, context):
            nonlocal count
            count += 1
            if count == statement:
                raise Killed
            return call(sql, parameters, many, context)

        with connection.execute_wrapper(execute):
            write(self, cursor)
        raise Killed  # fewer statements than that: killed behind the last one

    with monkeypatch.context() as patch:
        patch.setattr(session_store.SessionStore, "_write", kill_at)
        with pytest.raises(Killed):
            fold_sessions(as_of=LONG_AFTER)
    assert (is_kept(member), Stream.objects.get(member=member).checkpoint) == before
    assert list(StreamMark.objects.values_list()) == marks
    fold_all(as_of=LONG_AFTER)
    assert is_kept(member) == should_be(member, actives(0, 500, 800, 1_000, 5_000))


def test_a_fold_whose_server_process_is_killed_changes_nothing(acme, members, monkeypatch):
    member = members[0]
    tell(member, actives(0))

    def vanish(*_, **__):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def killed() -> None:
        with pytest.raises(DatabaseError):
            fold_sessions(as_of=LONG_AFTER)

    with monkeypatch.context() as patch:
        patch.setattr(service, "finish_claims", vanish)
        at_once(killed)
    assert not OffloadSession.objects.exists()
    assert StreamMark.objects.count() == 1
    assert fold_all(as_of=LONG_AFTER) == FoldResult(streams=1, events=1)


def test_ingest_does_not_wait_for_a_fold(acme, members, monkeypatch):
    member = members[0]
    tell(member, actives(0))
    in_the_middle, may_end = threading.Event(), threading.Event()
    finish = service.finish_claims

    def finish_when_told(*arguments, **named):
        in_the_middle.set()
        assert may_end.wait(20)
        finish(*arguments, **named)

    def ingest() -> None:
        assert in_the_middle.wait(20)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            tell(member, actives(100))
        may_end.set()

    monkeypatch.setattr(service, "finish_claims", finish_when_told)
    at_once(lambda: fold_sessions(as_of=LONG_AFTER), ingest)
    assert rows("SELECT event_count FROM billing_offloadsession") == [(1,)]
    fold_all(as_of=LONG_AFTER)
    assert rows("SELECT event_count, active_until FROM billing_offloadsession") == [(2, at(400))]


def test_streams_of_one_organization_are_not_those_of_another(acme):
    beta = make_customer("beta")
    tell(acme.member, actives(0))
    tell(beta.member, actives(50))
    fold_all(as_of=LONG_AFTER, organization_id=acme.organization.pk)
    assert (spans(acme.member), spans(beta.member)) == ([(0, 300)], [])
    assert fold_all(as_of=LONG_AFTER).streams == 1
    assert spans(beta.member) == [(50, 350)]


def test_more_streams_than_one_transaction_takes(acme):
    members = [make_member(acme.organization, f"x{n}@acme.example") for n in range(7)]
    for member in members:
        tell(member, actives(0))
    assert fold_sessions(as_of=LONG_AFTER, streams_at_once=3).streams == 3
    assert fold_all(as_of=LONG_AFTER).streams == 4
    assert all(spans(member) == [(0, 300)] for member in members)
