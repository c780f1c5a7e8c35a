"""`import_swf` when something is wrong: with the file, with what was asked for, on the way."""

import gzip
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from billing.models import Quarantine, SessionEvent
from billing.services import swf_import
from orgs.models import AuditEvent, Member, Team
from tests.factories.traces import LINES, import_document, job, run_import, write_trace
from tests.factories.usage import make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    return make_customer("acme").organization


@pytest.fixture
def trace(tmp_path):
    return write_trace(tmp_path)


def refused(path, *arguments, slug="acme") -> str:
    """The error line of an import that must not write anything."""
    before = (Member.objects.count(), Team.objects.count(), AuditEvent.objects.count())
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("import_swf", path, f"--organization={slug}", *arguments, stdout=out)
    assert out.getvalue() == ""
    assert (Member.objects.count(), Team.objects.count(), AuditEvent.objects.count()) == before
    assert "\n" not in str(error.value)
    return str(error.value)


# --- files that cannot be read, or not to their end ---


def test_a_file_that_is_not_there_or_no_file(acme, tmp_path):
    missing = tmp_path / "none.swf"
    assert refused(missing) == f"cannot read {missing}: No such file or directory"
    assert refused(tmp_path) == f"cannot read {tmp_path}: Is a directory"


def test_a_packed_file_that_is_cut_off_gives_what_comes_before(acme, tmp_path):
    noise = [
        job(10_000 + n * 7919 % 5_000, n % 13, 1 + n * 31 % 977, n % 50, 1) for n in range(20_000)
    ]
    whole = gzip.compress("\n".join([LINES[0], LINES[1], *noise]).encode())
    path = tmp_path / "cut.swf.gz"
    path.write_bytes(whole[: len(whole) // 2])
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("import_swf", path, "--organization=acme", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert 5_000 < found["jobs"] < 20_000
    assert found["accepted"] == found["events"] > 5
    assert (
        found["error"]
        == str(error.value)
        == (
            f"{path} is damaged after {found['jobs']:,} jobs, which were imported: "
            "Compressed file ended before the end-of-stream marker was reached"
        )
    )
    # a limit that is reached before the damage never meets it
    assert import_document(path, "--limit=1")["duplicates"] == 5


def test_a_packed_file_that_is_damaged_from_the_start_imports_nothing(acme, tmp_path):
    path = tmp_path / "noise.swf.gz"
    path.write_bytes(b"\x1f\x8b" + b"noise" * 10)
    assert refused(path).startswith(f"{path} is damaged, nothing was imported: ")


# --- refusals before anything is written ---


def test_an_unknown_organization(acme, trace):
    assert refused(trace, slug="nobody") == "there is no organization nobody"


@pytest.mark.parametrize("timeout", [9, 3601, -1])
def test_an_idle_timeout_out_of_bounds(acme, trace, timeout):
    line = refused(trace, f"--idle-timeout={timeout}")
    assert line == "the idle timeout must be in 10..3600 seconds"


def test_a_machine_without_a_price(acme, trace):
    assert refused(trace, "--machine=cray-1") == "machine 'cray-1' has no price in acme"


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--start=tomorrow", "'tomorrow' is not an instant"),
        ("--start=2026-01-05T00:00:00", "needs a zone, for example a final Z"),
        ("--limit=0", "'0' is not a number of jobs"),
        ("--limit=-3", "is not a number of jobs"),
    ],
)
def test_an_argument_that_makes_no_sense(acme, trace, argument, words):
    assert words in refused(trace, argument)


def test_a_start_that_moves_the_trace_out_of_time(acme, trace):
    line = refused(trace, "--start=1969-12-31T00:00:00Z")
    assert line == "the trace would leave the years 1970 to 2199"


@pytest.mark.parametrize("other", ["--idle-timeout=600", "--machine=gpu-l4"])
def test_the_same_use_is_not_reported_in_two_ways(acme, trace, other):
    run_import(trace)
    assert refused(trace, other) == (
        "swf/cluster-2026 is in acme already, with another machine or idle timeout; "
        "the same use cannot be reported in two ways"
    )
    assert Quarantine.objects.count() == 0


# --- what stops on the way ---


def test_events_that_ingest_refuses_are_reported(acme, trace):
    start = (timezone.now() + timedelta(days=2)).isoformat()
    out = StringIO()
    with pytest.raises(CommandError, match="ingest refused 8 events"):
        call_command(
            "import_swf", trace, "--organization=acme", f"--start={start}", "--json", stdout=out
        )
    found = json.loads(out.getvalue())
    assert (found["accepted"], found["refused"]) == (0, {"time_in_the_future": 8})


@pytest.mark.django_db(transaction=True)
def test_when_the_database_stops_the_import_it_says_how_far_it_came(trace, monkeypatch):
    organization = make_customer("acme").organization
    monkeypatch.setattr(swf_import, "BATCH", 5)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION refuse_after_a_while() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.occurred_at > '2026-01-01 00:15:00Z' THEN
                    RAISE 'no space left on the disk' USING ERRCODE = 'disk_full';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER full_disk BEFORE INSERT ON billing_sessionevent
            FOR EACH ROW EXECUTE FUNCTION refuse_after_a_while();
            """
        )
    out = StringIO()
    try:
        with pytest.raises(CommandError) as error:
            call_command("import_swf", trace, "--organization=acme", "--json", stdout=out)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "DROP TRIGGER full_disk ON billing_sessionevent;"
                "DROP FUNCTION refuse_after_a_while()"
            )
    assert str(error.value) == (
        "the database stopped the import after 5 of 8 events "
        "(the same command goes on from there): no space left on the disk"
    )
    assert json.loads(out.getvalue())["accepted"] == 5
    stored = SessionEvent.objects.filter(organization_id=organization.pk)
    assert stored.count() == 5
    again = import_document(trace)
    assert (again["accepted"], again["duplicates"]) == (3, 5)
