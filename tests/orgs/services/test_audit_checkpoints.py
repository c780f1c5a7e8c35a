"""Signing where the log ends, once a day; and the only way in which events leave it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from orgs.models import (
    AuditCheckpoint,
    AuditEvent,
    AuditHead,
    AuditVerification,
)
from orgs.selectors.audit import ChainFault, check_chain, verify_chain
from orgs.services.audit_checkpoints import (
    sign_checkpoints,
)
from orgs.tasks import sign_checkpoints as sign_task
from tests.factories.audit import KEY, database_now, note, tamper
from tests.factories.orgs import make_organization

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def now():
    return database_now()


@pytest.fixture
def acme():
    """Entries 1 and 2 are the organization's own."""
    return make_organization("acme").organization


# --- signing -----------------------------------------------------------------------------------


def test_a_log_is_verified_and_signed_once_a_day(acme, now):
    (first,) = sign_checkpoints(at=now)
    assert first == (acme.pk, 2, True, None, "")
    note(acme)
    assert sign_checkpoints(at=now) == []
    (second,) = sign_checkpoints(at=now + DAY)
    assert second == (acme.pk, 3, True, None, "")
    (third,) = sign_checkpoints(at=now + 2 * DAY)
    assert third == (acme.pk, 3, False, None, "")  # nothing new to sign
    stored = AuditCheckpoint.objects.order_by("sequence")
    assert [row.sequence for row in stored] == [2, 3]
    assert bytes(stored[1].hash) == bytes(AuditHead.objects.get().hash)
    assert bytes(stored[1].public_key) == KEY.public_key
    assert verify_chain(organization_id=acme.pk) == []
    assert AuditVerification.objects.get().verified_at == now + 2 * DAY


def test_each_organization_is_signed_by_itself(acme, now):
    other = make_organization("other").organization
    tamper("UPDATE orgs_auditevent SET reason = 'x' WHERE organization_id = %s", acme.pk)
    broken, whole = sign_checkpoints(at=now)
    assert broken == (acme.pk, 0, False, 1, "the event was changed")
    assert whole == (other.pk, 2, True, None, "")
    assert AuditCheckpoint.objects.get().organization_id == other.pk
    noted = AuditVerification.objects.get(organization=acme)
    assert (noted.sequence, noted.fault_sequence, noted.problem) == (
        0,
        1,
        "the event was changed",
    )


@pytest.mark.django_db(transaction=True)
def test_two_workers_sign_one_checkpoint(now):
    acme = make_organization("acme").organization
    start = Barrier(2)

    def work(_number):
        try:
            start.wait(timeout=10)
            return sign_checkpoints(at=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(work, range(2)))
    assert sorted(map(len, done)) == [0, 1]
    assert AuditCheckpoint.objects.filter(organization=acme).count() == 1
    assert verify_chain(organization_id=acme.pk) == []


def test_what_a_dead_worker_began_is_taken_up_later(acme, now):
    AuditVerification.objects.create(organization=acme, started_at=now)
    assert sign_checkpoints(at=now + timedelta(hours=1)) == []
    (verified,) = sign_checkpoints(at=now + timedelta(hours=2))
    assert verified.is_signed


def test_a_sweep_looks_at_so_many(acme, now, monkeypatch):
    make_organization("other")
    monkeypatch.setattr("orgs.services.audit_checkpoints.VERIFIED_AT_ONCE", 1)
    assert [len(sign_checkpoints(at=now)) for _ in range(3)] == [1, 1, 0]


def test_the_task_does_the_same(acme):
    sign_task()
    assert AuditCheckpoint.objects.get().sequence == 2
    sign_task()
    assert AuditCheckpoint.objects.count() == 1


# --- what verifying sees -------------------------------------------------------------------------


def test_a_chain_that_was_written_anew_is_not_the_signed_one(acme, now):
    """Whoever owns the database can make every hash fit; the signature stays behind."""
    note(acme)
    sign_checkpoints(at=now)
    tamper("UPDATE orgs_auditcheckpoint SET hash = sha256('x') WHERE sequence = 3")
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=3, problem="its checkpoint says another hash")
    ]


@pytest.mark.parametrize(
    "assignment",
    [
        "signature = set_byte(signature, 63, get_byte(signature, 63) # 1)",
        "signed_at = signed_at + interval '1 microsecond'",
        "public_key = sha256('x')",
    ],
)
def test_a_checkpoint_that_is_not_ours_is_found(acme, now, assignment):
    sign_checkpoints(at=now)
    tamper(f"UPDATE orgs_auditcheckpoint SET {assignment}")
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=2, problem="its checkpoint is not signed by us")
    ]


def test_a_key_before_this_one_is_trusted_as_long_as_it_is_named(acme, now, settings):
    sign_checkpoints(at=now)
    settings.SIGNING_KEYS = ["n" * 40, *settings.SIGNING_KEYS]
    assert verify_chain(organization_id=acme.pk) == []
    note(acme)
    sign_checkpoints(at=now + DAY)
    assert verify_chain(organization_id=acme.pk) == []
    settings.SIGNING_KEYS = ["o" * 40]
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=3, problem="its checkpoint is not signed by us")
    ]


def test_a_log_that_was_set_back_is_found_by_its_checkpoint(acme, now):
    note(acme)
    sign_checkpoints(at=now)
    tamper("DELETE FROM orgs_auditevent WHERE sequence = 3")
    tamper(
        "UPDATE orgs_audithead SET sequence = 2,"
        " hash = (SELECT hash FROM orgs_auditevent WHERE sequence = 2)"
    )
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=3, problem="the event is missing")
    ]


def test_what_came_after_a_checkpoint_can_be_verified_alone(acme, now):
    sign_checkpoints(at=now)
    signed = AuditCheckpoint.objects.get()
    last = note(acme)
    tamper("UPDATE orgs_auditevent SET reason = 'x' WHERE sequence = 1")
    check = check_chain(organization_id=acme.pk, after=signed)
    assert (check.sequence, check.hash, check.faults) == (3, bytes(last.hash), [])
    tamper("UPDATE orgs_auditevent SET reason = 'x' WHERE sequence = 3")
    check = check_chain(organization_id=acme.pk, after=signed)
    assert check.faults == [ChainFault(sequence=3, problem="the event was changed")]


# --- what the database takes as a checkpoint -----------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "by"),
    [
        ("signed_at", "clock_timestamp() - interval '401 days'", "signed now"),
        ("signed_at", "clock_timestamp() - interval '2 hours'", "signed now"),
        ("signed_at", "clock_timestamp() + interval '2 minutes'", "signed now"),
        ("sequence", "3", "names an event"),
        ("hash", "sha256('x')", "names an event"),
        ("organization_id", "0", "names an event"),
    ],
)
def test_a_made_up_checkpoint_is_refused(acme, column, value, by):
    event = AuditEvent.objects.latest("sequence")
    values = {
        "organization_id": str(acme.pk),
        "sequence": "2",
        "hash": f"decode('{bytes(event.hash).hex()}', 'hex')",
        "signed_at": "clock_timestamp()",
        "public_key": "'k'",
        "signature": "'s'",
    }
    insert = f"INSERT INTO orgs_auditcheckpoint ({', '.join(values)}) VALUES"
    wrong = f"{insert} ({', '.join((values | {column: value}).values())})"
    with pytest.raises(IntegrityError, match=by), transaction.atomic():
        connection.cursor().execute(wrong)
    assert not AuditCheckpoint.objects.exists()
    connection.cursor().execute(f"{insert} ({', '.join(values.values())})")  # it alone was wrong


@pytest.mark.parametrize("change", ["UPDATE {} SET sequence = 1", "DELETE FROM {}"])
def test_a_checkpoint_is_for_ever(acme, now, change):
    sign_checkpoints(at=now)
    with pytest.raises(IntegrityError, match="orgs_auditcheckpoint is refused"):
        connection.cursor().execute(change.format("orgs_auditcheckpoint"))
