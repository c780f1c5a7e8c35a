"""`manage.py export`: what the files say, and that there is a whole one or none."""

import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command

from billing.services import exports
from billing.services.exports import write_export
from tests.factories.orgs import make_member
from tests.factories.scene import AS_OF, HAO_AT, MEI_AT, make_scene
from tests.factories.usage import fold, report

pytestmark = pytest.mark.django_db(transaction=True)

SESSION_HEADER = (
    "session_id,organization,member,team,machine,started_at,ended_at,state,billable_seconds,"
    "working_seconds,bridged_seconds,event_count,invoice"
)
USAGE_HEADER = (
    "day,organization,member,team,machine,seconds,hourly_price,amount,currency,session_id,invoice"
)


@pytest.fixture
def scene():
    return make_scene()


def export(scene, kind: str, period: str, *, file_format: str = "csv") -> str:
    out = io.BytesIO()
    write_export(
        out,
        organization=scene.customer.organization,
        kind=kind,
        period=period,
        file_format=file_format,
        as_of=AS_OF,
    )
    return out.getvalue().decode()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def without_ids(text: str) -> list[str]:
    """The lines with the ids of sessions, which no test writes out, left out."""
    lines = text.split("\r\n")
    assert lines[-1] == ""
    header = lines[0].split(",")
    at = header.index("session_id")
    rows = [row.split(",") for row in lines[:-1]]
    return [",".join([*row[:at], *row[at + 1 :]]) for row in rows]


def test_sessions_of_a_period_are_whole_and_name_their_invoice(scene):
    number = scene.close("2026-03").number
    text = export(scene, "sessions", "2026-03")
    assert text.split("\r\n")[0] == SESSION_HEADER
    assert without_ids(text)[1:] == [
        (
            "acme,mei@acme.example,backend,cpu-4x8,2026-03-02T01:00:00Z,2026-03-02T01:23:00Z,ended,"
            f"1380,1200,180,6,{number}"
        ),
        (
            "acme,hao@acme.example,,gpu-l4,2026-03-31T15:50:00Z,2026-03-31T16:10:00Z,ended,"
            f"1200,1200,0,1,{number}"
        ),
    ]


def test_a_session_that_runs_or_idles_has_no_end_yet(scene):
    number = scene.close("2026-03").number
    assert without_ids(export(scene, "sessions", "2026-04"))[1:] == [
        (
            "acme,hao@acme.example,,gpu-l4,2026-03-31T15:50:00Z,2026-03-31T16:10:00Z,ended,"
            f"1200,1200,0,1,{number}"
        ),
        "acme,lena@acme.example,backend,cpu-2x4,2026-04-20T08:50:00Z,,idle,300,300,0,1,",
        "acme,mei@acme.example,backend,cpu-4x8,2026-04-20T08:58:00Z,,active,120,120,0,1,",
    ]


def test_a_session_of_two_invoices_names_both(scene):
    march, april = scene.close("2026-03").number, scene.close("2026-04").number
    hao = next(
        row
        for row in csv.DictReader(io.StringIO(export(scene, "sessions", "2026-04")))
        if row["member"] == "hao@acme.example"
    )
    assert hao["invoice"] == f"{march} {april}"


def test_usage_of_an_invoiced_period_sums_to_its_lines(scene):
    number = scene.close("2026-03").number
    text = export(scene, "usage", "2026-03")
    assert text.split("\r\n")[0] == USAGE_HEADER
    assert without_ids(text)[1:] == [
        f"2026-03-02,acme,mei@acme.example,backend,cpu-4x8,1380,0.42,0.16,USD,{number}",
        f"2026-03-31,acme,hao@acme.example,,gpu-l4,600,1.60,0.27,USD,{number}",
    ]


def test_usage_of_an_open_period_is_estimated_up_to_now(scene):
    assert without_ids(export(scene, "usage", "2026-04"))[1:] == [
        "2026-04-01,acme,hao@acme.example,,gpu-l4,600,1.60,0.27,USD,",
        "2026-04-20,acme,lena@acme.example,backend,cpu-2x4,300,0.21,0.02,USD,",
        "2026-04-20,acme,mei@acme.example,backend,cpu-4x8,120,0.42,0.01,USD,",
    ]


def test_an_amount_is_split_so_that_records_sum_to_their_line(scene):
    for day in range(7):
        report(
            scene.customer,
            [("active", 0), ("ended", 100)],
            origin=datetime(2026, 3, 10 + day, 4, 0, tzinfo=UTC),
            subject=scene.hao.email,
        )
    fold(scene.customer)
    estimated = list(csv.DictReader(io.StringIO(export(scene, "usage", "2026-03"))))
    scene.close("2026-03")
    rows = list(csv.DictReader(io.StringIO(export(scene, "usage", "2026-03"))))
    assert [row["amount"] for row in rows] == [row["amount"] for row in estimated]
    # 2080 s at 0.42 an hour are 0.2427: 24 cents, of which a day of 100 s has 1.15
    assert [(row["day"][-2:], row["amount"]) for row in rows if row["machine"] == "cpu-4x8"] == [
        ("02", "0.16"),
        ("10", "0.02"),
        *((f"{day}", "0.01") for day in range(11, 17)),
    ]


def test_what_came_late_stands_beside_what_was_billed(scene):
    number = scene.close("2026-03").number
    report(
        scene.customer,
        [("ended", 900)],
        origin=HAO_AT - timedelta(seconds=600),
        machine="gpu-l4",
        subject=scene.hao.email,
    )
    fold(scene.customer)
    rows = without_ids(export(scene, "usage", "2026-03"))[1:]
    assert rows[1:] == [
        f"2026-03-31,acme,hao@acme.example,,gpu-l4,600,1.60,0.27,USD,{number}",
        "2026-03-31,acme,hao@acme.example,,gpu-l4,-300,1.60,-0.13,USD,",
    ]


def test_invoices_of_a_period_are_their_lines(scene):
    number = scene.close("2026-03").number
    bounds = "2026-02-28T16:00:00Z,2026-03-31T16:00:00Z"
    assert export(scene, "invoices", "2026-03").split("\r\n")[1:] == [
        f'{number},1,on_demand,"Offload use, cpu-4x8",cpu-4x8,{bounds},1380,0.42,0.16,USD,',
        f'{number},2,on_demand,"Offload use, gpu-l4",gpu-l4,{bounds},600,1.60,0.27,USD,',
        "",
    ]
    assert export(scene, "invoices", "2026-04").count("\r\n") == 1


def test_json_lines_carry_the_same(scene):
    text = export(scene, "sessions", "2026-04", file_format="jsonl")
    rows = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == 3
    mei = rows[2]
    assert mei.pop("session_id")
    assert mei == {
        "organization": "acme",
        "member": "mei@acme.example",
        "team": "backend",
        "machine": "cpu-4x8",
        "started_at": "2026-04-20T08:58:00Z",
        "ended_at": None,
        "state": "active",
        "billable_seconds": "120",
        "working_seconds": "120",
        "bridged_seconds": "0",
        "event_count": 1,
        "invoice": None,
    }


def test_a_name_that_begins_like_a_formula_is_neutralized(scene):
    report(
        scene.customer,
        [("active", 0), ("ended", 60)],
        origin=MEI_AT,
        subject=make_member(scene.customer.organization, "=cmd@people.example").email,
    )
    fold(scene.customer)
    assert "acme,'=cmd@people.example,," in export(scene, "sessions", "2026-03")


def test_another_organization_is_not_in_it(scene):
    make_scene("other")
    assert "other" not in export(scene, "sessions", "2026-03")
    assert "other" not in export(scene, "usage", "2026-04")


@time_machine.travel(AS_OF, tick=False)
def test_the_command_writes_the_file_and_says_so(scene, tmp_path, capsys):
    path = tmp_path / "april.csv"
    path.write_text("old")
    call_command(
        "export",
        "sessions",
        organization="acme",
        period="2026-04",
        format="csv",
        output=str(path),
    )
    assert capsys.readouterr().out == f"3 rows in {path}\n"
    assert path.read_bytes().decode() == export(scene, "sessions", "2026-04")
    assert names_in(tmp_path) == ["april.csv"]


@time_machine.travel(AS_OF, tick=False)
def test_a_hyphen_is_standard_output_and_nothing_else_is_written(scene, capfdbinary):
    call_command(
        "export",
        "sessions",
        organization="acme",
        period="2026-04",
        format="csv",
        output="-",
    )
    assert capfdbinary.readouterr().out.decode() == export(scene, "sessions", "2026-04")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"kind": "focus"},
            "there is no kind 'focus'; there are usage, sessions, invoices, audit",
        ),
        ({"format": "xlsx"}, "there is no format 'xlsx'; there are csv, jsonl"),
        ({"organization": "nobody"}, "there is no organization nobody"),
    ],
)
def test_what_does_not_exist_is_said_in_one_line(scene, tmp_path, change, said):
    asked = {"kind": "usage", "organization": "acme", "period": "2026-03", "format": "csv"}
    asked |= change
    kind = asked.pop("kind")
    with pytest.raises(CommandError) as refused:
        call_command("export", kind, **asked, output=str(tmp_path / "x"))
    assert str(refused.value) == said
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("period", ["2031-01", "2026-13", "march", "2026-03\0", "../x"])
def test_a_period_that_does_not_exist_names_those_that_do(scene, tmp_path, period):
    with pytest.raises(CommandError, match=r"has no billing period .*; there are 2026-03 to "):
        call_command(
            "export",
            "usage",
            organization="acme",
            period=period,
            format="csv",
            output=str(tmp_path / "x"),
        )


@pytest.mark.parametrize(
    ("place", "reason"),
    [("missing/x.csv", "No such file or directory"), ("", "Is a directory")],
)
def test_a_place_that_cannot_be_written_is_named(scene, tmp_path, place, reason):
    path = tmp_path / place
    with pytest.raises(CommandError) as refused:
        call_command(
            "export",
            "usage",
            organization="acme",
            period="2026-03",
            format="csv",
            output=str(path),
        )
    assert str(refused.value) == f"cannot write {path}: {reason}"


def test_a_device_is_written_to_and_never_replaced(scene):
    call_command(
        "export",
        "usage",
        organization="acme",
        period="2026-03",
        format="csv",
        output=os.devnull,
    )
    assert not Path(os.devnull).is_file()


def test_a_failure_half_way_leaves_the_old_file(scene, tmp_path, monkeypatch):
    def rows(period, as_of):
        yield from [("x",) * 11] * 1000
        raise OSError(28, "No space left on device")

    kinds = {"usage": exports.KINDS["usage"]._replace(rows=rows)}
    monkeypatch.setattr(exports, "KINDS", kinds)
    path = tmp_path / "usage.csv"
    path.write_text("old")
    with pytest.raises(CommandError, match="No space left on device"):
        call_command(
            "export",
            "usage",
            organization="acme",
            period="2026-03",
            format="csv",
            output=str(path),
        )
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["usage.csv"]
