"""Audit logs for tests: entries, checkpoints of any age, and changes that the triggers refuse."""

from datetime import datetime, timedelta

from django.db import connection

from orgs.domain.actors import Actor
from orgs.domain.audit_checkpoints import CheckpointStatement, sign_statement, signing_key_of
from orgs.models import AuditCheckpoint, AuditEvent, Organization
from orgs.services.audit import recording
from tests.embedded import TEST_SECRET
from tests.factories.orgs import NOW, OPERATOR

KEY = signing_key_of(TEST_SECRET)


def database_now() -> datetime:
    """The database's clock, by which checkpoints are signed and logs are cut."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def note(
    organization: Organization,
    action: str = "team.created",
    *,
    actor: Actor = OPERATOR,
    at: datetime = NOW,
    target: tuple[str, object] = ("team", 1),
    **more: object,
) -> AuditEvent:
    """One entry, in a transaction of its own."""
    with recording(actor=actor, at=at) as trail:
        trail.add(organization_id=organization.pk, action=action, target=target, **more)
    return AuditEvent.objects.filter(organization=organization).latest("sequence")


def tamper(statement: str, *parameters: object) -> None:
    """Change what the triggers would refuse, as someone who owns the database can."""
    tables = ("orgs_auditevent", "orgs_auditpersonalvalue", "orgs_auditcheckpoint")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def sign_in_the_past(
    organization: Organization, sequence: int, *, age: timedelta = timedelta(days=401)
) -> AuditCheckpoint:
    """A checkpoint of an event that is there, signed by our key when it was `age` younger."""
    event = AuditEvent.objects.get(organization=organization, sequence=sequence)
    statement = CheckpointStatement(
        organization_id=organization.pk,
        sequence=sequence,
        hash=bytes(event.hash),
        signed_at=database_now() - age,
    )
    tamper(
        "INSERT INTO orgs_auditcheckpoint"
        " (organization_id, sequence, hash, signed_at, public_key, signature)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        organization.pk,
        sequence,
        statement.hash,
        statement.signed_at,
        KEY.public_key,
        sign_statement(statement, key=KEY),
    )
    return AuditCheckpoint.objects.get(organization=organization, sequence=sequence)
