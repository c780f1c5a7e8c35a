from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from orgs.domain.audit import AuditEntry
from orgs.models import AuditEvent, AuditHead, AuditPersonalValue, Organization
from orgs.selectors.audit import ChainFault, verify_chain
from orgs.services.audit import append_audit, recording
from tests.factories.orgs import NOW, OPERATOR, make_organization


def note(trail, organization, action="thing.changed", **more):
    trail.add(organization_id=organization.pk, action=action, target=("thing", 1), **more)


@pytest.fixture
def acme(db):
    return make_organization("acme").organization


def entry(organization):
    return AuditEntry(
        organization_id=organization.pk,
        action="thing.changed",
        target_kind="thing",
        target_id="1",
    )


def test_events_form_a_chain_from_nothing(acme):
    with recording(actor=OPERATOR, at=NOW) as trail:
        note(trail, acme, diff={"limit": ["1.50", "2.50"]}, reason="新的限制")
    events = list(AuditEvent.objects.order_by("sequence"))
    assert [event.sequence for event in events] == [1, 2, 3]
    assert bytes(events[0].previous_hash) == bytes(32)
    assert bytes(events[2].previous_hash) == bytes(events[1].hash)
    assert AuditHead.objects.values_list("sequence", "hash").get() == (3, events[2].hash)
    assert events[2].actor_kind == "operator"
    assert verify_chain(organization_id=acme.pk) == []


def test_each_organization_has_a_chain_of_its_own(acme):
    other = make_organization("other").organization
    with recording(actor=OPERATOR, at=NOW) as trail:
        for organization in (other, acme, other):
            note(trail, organization)
    assert AuditHead.objects.get(organization=acme).sequence == 3
    assert AuditHead.objects.get(organization=other).sequence == 4
    assert verify_chain(organization_id=acme.pk) == []
    assert verify_chain(organization_id=other.pk) == []


def test_an_organization_without_a_chain_gets_one(db):
    bare = Organization.objects.create(slug="bare", name="Bare", created_at=NOW)
    assert verify_chain(organization_id=bare.pk) == []
    with recording(actor=OPERATOR, at=NOW) as trail:
        note(trail, bare)
    assert verify_chain(organization_id=bare.pk) == []


def test_saying_nothing_writes_nothing(acme, django_assert_num_queries):
    with django_assert_num_queries(2), recording(actor=OPERATOR, at=NOW):
        pass  # the two are the test's own savepoint
    assert AuditHead.objects.get().sequence == 2


def test_a_failed_change_leaves_no_word(acme):
    def fail():
        with recording(actor=OPERATOR, at=NOW) as trail:
            note(trail, acme)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert AuditHead.objects.get().sequence == 2


@pytest.mark.django_db(transaction=True)
def test_recording_is_the_outermost_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        recording(actor=OPERATOR, at=NOW).__enter__()


@pytest.mark.django_db(transaction=True)
def test_appending_outside_a_transaction_is_refused():
    acme = make_organization("acme").organization
    with pytest.raises(TransactionManagementError):
        append_audit(actor=OPERATOR, at=NOW, entries=[entry(acme)])
    assert AuditHead.objects.get().sequence == 2


def test_a_float_is_refused_before_anything_is_written(acme):
    with pytest.raises(TypeError), recording(actor=OPERATOR, at=NOW) as trail:
        note(trail, acme, diff={"limit": [1.5, 2.5]})
    assert AuditHead.objects.get().sequence == 2


def tamper(statement, *parameters):
    """Change what the triggers would refuse, as someone who owns the database can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE orgs_auditevent DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE orgs_auditpersonalvalue DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)


CHANGED = [ChainFault(sequence=2, problem="the event was changed")]


@pytest.mark.parametrize(
    "assignment",
    [
        "at = at + interval '1 microsecond'",
        "actor_kind = 'system'",
        "actor_member_id = 1",
        "actor_token_id = 1",
        "actor_label = 'x'",
        "action = 'member.addee'",
        "target_kind = 'x'",
        "target_id = '0'",
        'diff = \'{"role": [null, "auditor"]}\'',
        "diff = '{\"role\": [null, 1.5]}'",
        "personal_digests = '{}'",
        "reason = ' '",
        "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)",
    ],
)
def test_one_changed_column_of_one_event_is_found(acme, assignment):
    with recording(actor=OPERATOR, at=NOW) as trail:
        note(trail, acme)
    AuditPersonalValue.objects.all().delete()
    tamper(f"UPDATE orgs_auditevent SET {assignment} WHERE sequence = 2")
    assert verify_chain(organization_id=acme.pk) == CHANGED


def test_a_rehashed_event_breaks_the_link_after_it(acme):
    with recording(actor=OPERATOR, at=NOW) as trail:
        note(trail, acme)
    tamper("UPDATE orgs_auditevent SET previous_hash = sha256('x') WHERE sequence = 3")
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=3, problem="it does not follow the event before it")
    ]


@pytest.mark.parametrize(("gone", "first_missing"), [(1, 1), (2, 2), (3, 3)])
def test_a_missing_event_is_found_at_either_end_too(acme, gone, first_missing):
    with recording(actor=OPERATOR, at=NOW) as trail:
        note(trail, acme)
    AuditPersonalValue.objects.all().delete()
    tamper("DELETE FROM orgs_auditevent WHERE sequence = %s", gone)
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=first_missing, problem="the event is missing")
    ]


def test_a_changed_end_is_found(acme):
    AuditHead.objects.update(hash=b"x" * 32)
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=2, problem="the chain's end was changed")
    ]


@pytest.mark.parametrize("statement", ["UPDATE orgs_audithead SET sequence = 1", None])
def test_an_event_beyond_the_end_is_found(acme, statement):
    if statement is None:
        AuditHead.objects.all().delete()
    else:
        tamper(
            statement + ", hash = (SELECT hash FROM orgs_auditevent WHERE sequence = 1)",
        )
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=2, problem="it lies beyond the chain's end")
    ]


def test_a_changed_personal_value_is_found(acme):
    tamper("UPDATE orgs_auditpersonalvalue SET value = 'bo@acme.example'")
    assert verify_chain(organization_id=acme.pk) == [
        ChainFault(sequence=2, problem="the personal value email was changed")
    ]


def test_an_erased_personal_value_leaves_the_chain_whole(acme):
    assert AuditPersonalValue.objects.get().value == "owner@acme.example"
    AuditPersonalValue.objects.all().delete()
    assert verify_chain(organization_id=acme.pk) == []
    assert "owner@acme.example" not in repr(list(AuditEvent.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_many_writers_make_one_chain_and_no_deadlock():
    organizations = [make_organization(slug).organization for slug in ("acme", "other")]
    start = Barrier(4)

    def work(number):
        order = organizations if number % 2 else organizations[::-1]
        try:
            start.wait(timeout=10)
            for _ in range(20):
                with recording(actor=OPERATOR, at=NOW) as trail:
                    for organization in order:
                        note(trail, organization)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))  # raises what a writer raised
    for organization in organizations:
        assert AuditHead.objects.get(organization=organization).sequence == 82
        assert verify_chain(organization_id=organization.pk) == []
