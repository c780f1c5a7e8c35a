"""`import_swf`: a trace becomes members, teams and events, through the service of the API."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from billing.models import BillingPeriod, OffloadSession, SessionEvent
from billing.services import swf_import
from billing.services.sessions import fold_all
from orgs.models import AuditEvent, Member, Team, TeamAssignment
from orgs.selectors.audit import verify_chain
from tests.factories.orgs import assign_team, make_member, make_team
from tests.factories.traces import LINES, NEW_YEAR, import_document, job, run_import, write_trace
from tests.factories.usage import make_customer

pytestmark = pytest.mark.django_db

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def acme():
    return make_customer("acme").organization


@pytest.fixture
def trace(tmp_path):
    return write_trace(tmp_path)


def seconds(organization) -> list[tuple[str, float]]:
    """(address, seconds after the new year) of each stored event, in order."""
    emails = dict(Member.objects.values_list("id", "email"))
    rows = SessionEvent.objects.filter(organization_id=organization.pk).order_by(
        "member_id", "occurred_at"
    )
    return [
        (emails[row.member_id].partition("@")[0], (row.occurred_at - NEW_YEAR).total_seconds())
        for row in rows
    ]


def test_users_groups_and_running_time_become_members_teams_and_events(acme, trace):
    assert import_document(trace) == {
        "organization": "acme",
        "source": "swf/cluster-2026",
        "events": 8,
        "accepted": 8,
        "duplicates": 0,
        "refused": {},
        "users": 2,
        "jobs": 5,
        "skipped": {"no_run_time": 1, "unknown_user": 1},
        "rejected_count": 1,
        "rejected": [{"line": 6, "reason": "too_few_fields"}],
        "first_begin": "2026-01-01T00:00:10Z",
        "last_end": "2026-01-01T00:21:40Z",
        "error": None,
    }
    assert seconds(acme) == [
        ("u3", 10),
        ("u3", 160),
        ("u3", 310),
        ("u3", 460),
        ("u3", 610),
        ("u4", 1000),
        ("u4", 1150),
        ("u4", 1300),
    ]
    imported = Member.objects.filter(organization=acme, email__startswith="u")
    assert list(imported.order_by("email").values_list("email", "role")) == [
        ("u3@acme.example", "member"),
        ("u4@acme.example", "member"),
    ]
    assert list(Team.objects.order_by("priority").values_list("slug", "name")) == [
        ("g7", "g7"),
        ("g8", "g8"),
    ]
    # the group of the user's first job, since before anything that a trace can hold
    assert list(TeamAssignment.objects.values_list("member__email", "team__slug", "since")) == [
        ("u3@acme.example", "g7", ALWAYS)
    ]
    assert BillingPeriod.objects.filter(organization=acme, label="2026-01").exists()


def test_the_fold_bills_what_ran_and_one_idle_timeout_more(acme, trace):
    run_import(trace)
    fold_all(as_of=timezone.now(), organization_id=acme.pk)
    sessions = OffloadSession.objects.order_by("started_at").select_related("member", "team")
    assert [
        (s.member.email, s.team and s.team.slug, s.started_at, s.active_until) for s in sessions
    ] == [
        (
            "u3@acme.example",
            "g7",
            NEW_YEAR + timedelta(seconds=10),
            NEW_YEAR + timedelta(seconds=910),
        ),
        (
            "u4@acme.example",
            None,
            NEW_YEAR + timedelta(seconds=1000),
            NEW_YEAR + timedelta(seconds=1600),
        ),
    ]


def test_people_and_teams_are_audited_in_one_append(acme, trace):
    before = AuditEvent.objects.count()
    run_import(trace)
    added = AuditEvent.objects.order_by("sequence")[before:]
    assert [(event.action, event.actor_kind, event.actor_label) for event in added] == [
        ("team.created", "operator", "import_swf"),
        ("team.created", "operator", "import_swf"),
        ("members.added", "operator", "import_swf"),
        ("members.primary_team_assigned", "operator", "import_swf"),
    ]
    assert len({event.at for event in added}) == 1
    assert verify_chain(organization_id=acme.pk) == []


def test_a_second_import_finds_only_duplicates_and_changes_nothing(acme, trace):
    run_import(trace)
    before = (AuditEvent.objects.count(), TeamAssignment.objects.count())
    again = import_document(trace)
    assert (again["events"], again["accepted"], again["duplicates"]) == (8, 0, 8)
    assert (AuditEvent.objects.count(), TeamAssignment.objects.count()) == before
    assert len(seconds(acme)) == 8


def test_batches_are_counted_together(acme, trace, monkeypatch):
    monkeypatch.setattr(swf_import, "BATCH", 3)
    first = import_document(trace)
    assert (first["events"], first["accepted"]) == (8, 8)
    again = import_document(trace)
    assert (again["accepted"], again["duplicates"]) == (0, 8)


def test_a_limit_takes_the_first_jobs_of_the_file_and_the_rest_may_follow(acme, trace):
    first = import_document(trace, "--limit=1")
    assert (first["jobs"], first["users"], first["events"]) == (1, 1, 5)
    whole = import_document(trace)
    assert (whole["events"], whole["accepted"], whole["duplicates"]) == (8, 3, 5)


def test_a_later_import_of_earlier_jobs_finds_its_team(acme, tmp_path):
    """Files are in order of submission: a job may begin long before the one above it."""
    path = tmp_path / "waits.swf"
    path.write_text("\n".join([LINES[0], job(0, 9000, 60, 3, 7), job(5, 0, 60, 3, 8)]))
    run_import(path, "--limit=1")
    run_import(path)
    fold_all(as_of=timezone.now(), organization_id=acme.pk)
    teams = OffloadSession.objects.order_by("started_at").values_list("team__slug", flat=True)
    assert list(teams) == ["g7", "g7"]


def test_a_start_moves_the_first_job_there_and_all_others_with_it(acme, trace):
    moved = import_document(trace, "--start=2026-02-01T08:00:00+08:00")
    assert moved["first_begin"] == "2026-02-01T00:00:00Z"
    assert moved["last_end"] == "2026-02-01T00:21:30Z"
    first = SessionEvent.objects.filter(organization_id=acme.pk).order_by("occurred_at")[0]
    assert first.occurred_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_machine_and_idle_timeout_are_those_that_were_asked_for(acme, trace):
    found = import_document(trace, "--machine=gpu-l4", "--idle-timeout=3600")
    assert found["events"] == 4
    kinds = SessionEvent.objects.filter(organization_id=acme.pk).values_list(
        "kind", "idle_timeout_seconds", "source"
    )
    assert set(kinds) == {("active", 3600, "swf/cluster-2026")}


def test_a_trace_of_long_ago_lays_the_periods_back(acme, trace):
    run_import(trace, "--start=2019-05-31T23:00:00Z")
    labels = BillingPeriod.objects.filter(organization=acme).order_by("starts_at")
    assert labels[0].label == "2019-05"


def test_gzip_is_known_by_its_content_and_gives_the_same(acme, trace, tmp_path):
    packed = tmp_path / "cluster-2026.swf.gz"
    packed.write_bytes(gzip.compress(trace.read_bytes()))
    assert import_document(packed)["accepted"] == 8
    assert import_document(trace)["duplicates"] == 8
    misnamed = tmp_path / "cluster-2026"
    misnamed.write_bytes(packed.read_bytes())
    assert import_document(misnamed)["duplicates"] == 8


def test_what_was_said_for_people(acme, trace):
    assert run_import(trace) == (
        "Imported cluster-2026.swf into acme\n"
        "  events    8 reported: 8 new, 0 known already\n"
        "  users     2\n"
        "  jobs      5, of which skipped: 1 no run time, 1 unknown user\n"
        "  time      2026-01-01T00:00:10Z to 2026-01-01T00:21:40Z\n"
        "  rejected  1 lines\n"
        "    line 6: too few fields\n"
    )


def test_all_rejected_lines_are_counted_and_some_are_listed(acme, tmp_path):
    path = tmp_path / "noise.swf"
    path.write_text("\n".join([LINES[0], *["noise"] * 1_234, LINES[1]]))
    said = run_import(path)
    assert "  rejected  1,234 lines\n    line 2: too few fields\n" in said
    assert said.endswith("    line 21: too few fields\n    … and 1,214 more\n")
    found = import_document(path)
    assert (found["rejected_count"], len(found["rejected"])) == (1_234, 1_000)
    assert found["duplicates"] == 5


def test_an_empty_trace_is_no_error(acme, tmp_path):
    path = tmp_path / "empty.swf"
    path.write_text("; nothing ran\n")
    found = import_document(path)
    assert (found["events"], found["users"], found["first_begin"]) == (0, 0, None)
    assert "  time      nothing ran\n" in run_import(path)


def test_who_has_a_team_keeps_it(acme, trace):
    member = make_member(acme, "u3@acme.example")
    assign_team(member, make_team(acme, "research"), since=NEW_YEAR)
    run_import(trace)
    assert list(TeamAssignment.objects.values_list("team__slug", flat=True)) == ["research"]
