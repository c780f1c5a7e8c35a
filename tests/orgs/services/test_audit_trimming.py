"""The only way in which events leave the audit log: up to a checkpoint that is 400 days old."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from orgs.models import AuditEvent, AuditPersonalValue
from orgs.selectors.audit import ChainFault, verify_chain
from orgs.services.audit_checkpoints import (
    AuditLogBroken,
    list_trimmable,
    sign_checkpoints,
    trim_audit,
)
from orgs.tasks import trim_audit_logs
from tests.factories.audit import database_now, note, sign_in_the_past, tamper
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


def sequences(organization):
    rows = AuditEvent.objects.filter(organization=organization).order_by("sequence")
    return list(rows.values_list("sequence", flat=True))


def test_a_log_is_cut_at_its_newest_old_checkpoint(acme, now):
    for _ in range(4):
        note(acme, personal={"name": "Backend"})
    sign_in_the_past(acme, 2, age=timedelta(days=500))
    sign_in_the_past(acme, 4, age=timedelta(days=400, seconds=1))
    sign_in_the_past(acme, 5, age=timedelta(days=399))
    assert list_trimmable(at=now) == [acme.pk]
    assert trim_audit(organization_id=acme.pk, at=now) == 4
    assert sequences(acme) == [5, 6]
    assert AuditPersonalValue.objects.count() == 2
    assert verify_chain(organization_id=acme.pk) == []
    assert list_trimmable(at=now) == []
    assert trim_audit(organization_id=acme.pk, at=now) == 0
    note(acme)
    assert verify_chain(organization_id=acme.pk) == []


def test_a_log_that_has_become_empty_goes_on(acme, now):
    sign_in_the_past(acme, 2)
    assert trim_audit(organization_id=acme.pk, at=now) == 2
    assert sequences(acme) == []
    assert verify_chain(organization_id=acme.pk) == []
    note(acme)
    assert sequences(acme) == [3]
    assert verify_chain(organization_id=acme.pk) == []


def test_after_a_cut_the_begin_is_proven_by_the_signature(acme, now):
    note(acme)
    sign_in_the_past(acme, 2)
    trim_audit(organization_id=acme.pk, at=now)
    tamper("UPDATE orgs_auditcheckpoint SET signature = sha256('x') || sha256('y')")
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=2, problem="its checkpoint is not signed by us")
    ]


def test_a_missing_begin_without_a_checkpoint_is_a_hole(acme):
    note(acme)
    AuditPersonalValue.objects.all().delete()
    tamper("DELETE FROM orgs_auditevent WHERE sequence <= 2")
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=1, problem="the event is missing")
    ]


def test_what_does_not_hold_is_not_thrown_away(acme, now):
    sign_in_the_past(acme, 2)
    tamper("UPDATE orgs_auditevent SET reason = 'x' WHERE sequence = 1")
    with pytest.raises(AuditLogBroken, match="at event 1"):
        trim_audit(organization_id=acme.pk, at=now)
    assert sequences(acme) == [1, 2]


def test_a_checkpoint_of_somebody_else_cuts_nothing(acme, now, settings):
    sign_in_the_past(acme, 1)
    sign_checkpoints(at=now)
    settings.SIGNING_KEYS = ["o" * 40]
    note(acme)
    sign_checkpoints(at=now + DAY)
    with pytest.raises(AuditLogBroken):
        trim_audit(organization_id=acme.pk, at=now)
    assert sequences(acme) == [1, 2, 3]


def test_the_task_cuts_what_is_due_and_goes_on_over_a_broken_log(acme):
    other = make_organization("other").organization
    for organization in (acme, other):
        sign_in_the_past(organization, 1)
    tamper("UPDATE orgs_auditevent SET reason = 'x' WHERE organization_id = %s", acme.pk)
    trim_audit_logs()
    assert sequences(acme) == [1, 2]
    assert sequences(other) == [2]


def delete(statement, *, named=None):
    """Try a deletion as the product could: with the triggers in force."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if named is not None:
            cursor.execute(
                "SELECT set_config('offload.trimmed_organization', %s, true)", [str(named)]
            )
        cursor.execute("DELETE FROM orgs_auditpersonalvalue")
        cursor.execute(statement)


REFUSED = "is refused"
NOT_AT_A_CHECKPOINT = "is cut at a checkpoint"


@pytest.mark.parametrize(
    ("where", "by"),
    [
        ("true", NOT_AT_A_CHECKPOINT),  # the newest events with the old ones
        ("sequence <= 3", NOT_AT_A_CHECKPOINT),  # one more than the checkpoint says
        ("sequence <= 5", NOT_AT_A_CHECKPOINT),  # up to a checkpoint that is too young
        ("sequence = 1", NOT_AT_A_CHECKPOINT),  # old, but not up to the checkpoint
        ("sequence = 2", NOT_AT_A_CHECKPOINT),  # leaves an older one behind
        ("sequence = 4", NOT_AT_A_CHECKPOINT),
        ("sequence > 5", NOT_AT_A_CHECKPOINT),
    ],
)
def test_nothing_else_can_be_deleted(acme, where, by):
    for _ in range(4):
        note(acme)
    sign_in_the_past(acme, 2)
    sign_in_the_past(acme, 5, age=timedelta(days=399, hours=23))
    statement = f"DELETE FROM orgs_auditevent WHERE {where}"
    with pytest.raises(IntegrityError, match=by):
        delete(statement, named=acme.pk)
    with pytest.raises(IntegrityError, match=REFUSED):
        delete(statement)
    assert sequences(acme) == [1, 2, 3, 4, 5, 6]
    delete("DELETE FROM orgs_auditevent WHERE sequence <= 2", named=acme.pk)
    assert sequences(acme) == [3, 4, 5, 6]


def test_one_organizations_cut_is_not_anothers(acme):
    other = make_organization("other").organization
    for organization in (acme, other):
        note(organization)
        sign_in_the_past(organization, 2)
    for named in (None, "", 0, acme.pk):
        with pytest.raises(IntegrityError, match=REFUSED):
            delete(
                f"DELETE FROM orgs_auditevent WHERE organization_id = {other.pk}"
                " AND sequence <= 2",
                named=named,
            )
    assert sequences(other) == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_the_permission_ends_with_its_transaction():
    acme = make_organization("acme").organization
    note(acme)
    sign_in_the_past(acme, 2)
    assert trim_audit(organization_id=acme.pk, at=database_now()) == 2
    with pytest.raises(IntegrityError, match=REFUSED):
        delete("DELETE FROM orgs_auditevent WHERE sequence = 3")
    assert sequences(acme) == [3]
