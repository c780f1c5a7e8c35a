"""`manage.py export audit`: a table of a period, or the file that proves itself."""

import csv
import io

import pytest
from django.core.management import call_command
from django.utils import translation

from clients.verify_audit import verify
from orgs.models import AuditEvent
from orgs.services.audit_checkpoints import sign_checkpoints
from tests.factories.audit import database_now
from tests.factories.scene import make_scene

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene():
    made = make_scene()
    made.close("2026-03")
    sign_checkpoints(at=database_now())
    return made


def export(path, period, file_format, capsys) -> tuple[bytes, str]:
    with translation.override("en"):
        call_command(
            "export",
            "audit",
            organization="acme",
            period=period,
            format=file_format,
            output=str(path),
        )
    return path.read_bytes(), capsys.readouterr().out


def test_the_file_of_a_period_verifies(scene, tmp_path, capsys):
    path = tmp_path / "audit.jsonl"
    text, said = export(path, "2026-03", "jsonl", capsys)
    found = verify(io.BytesIO(text))
    assert (found.slug, found.first, found.last) == ("acme", 7, 8)
    assert said == f"2 rows in {path}\n"
    call_command("verify_audit", str(path))
    assert capsys.readouterr().out.startswith("acme: entries 7 to 8 hold")


def test_the_table_of_a_period_is_in_sentences(scene, tmp_path, capsys):
    text, said = export(tmp_path / "audit.csv", "2026-03", "csv", capsys)
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    assert [(row["sequence"], row["sentence"]) for row in rows] == [
        ("7", "Docker staff changed the primary team of 1 member."),
        ("8", "Docker staff changed the primary team of 1 member."),
    ]
    assert rows[0]["at"] == "2026-03-01T00:00:00Z"
    assert said.startswith("2 rows in ")


def test_a_period_without_a_change_is_an_empty_file(scene, tmp_path, capsys):
    text, said = export(tmp_path / "audit.jsonl", "2026-04", "jsonl", capsys)
    closing = AuditEvent.objects.latest("sequence")
    found = verify(io.BytesIO(text))
    assert closing.action == "period.closed"
    assert found.last < found.first
    assert said.startswith("0 rows in ")
