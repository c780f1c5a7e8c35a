"""`clients/verify_audit.py` on files that the product wrote, and on every change of them."""

import hashlib
import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.verify_audit import Fault, report, verify
from orgs.models import AuditPersonalValue
from orgs.selectors.audit_export import SequenceRange, audit_file, find_range
from orgs.services.audit_checkpoints import sign_checkpoints, trim_audit
from tests.factories.audit import KEY, database_now, note, sign_in_the_past
from tests.factories.orgs import make_organization

pytestmark = pytest.mark.django_db
PROGRAM = Path(__file__).resolve().parents[2] / "clients" / "verify_audit.py"
EXPORTED_AT = datetime(2026, 12, 1, 12, 30, 0, 5, tzinfo=UTC)
LATER = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LATEST = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


@pytest.fixture
def acme():
    """Seven entries; a checkpoint at 4; the personal value of entry 5 is erased."""
    organization = make_organization("acme").organization
    note(organization, personal={"name": "后端组"}, diff={"name": [None, "后端组"]}, at=LATER)
    note(organization, reason='Line\nfeed, "quotes" and \u2028', at=LATER)
    sign_checkpoints(at=database_now())
    note(organization, personal={"email": "mei@acme.example"}, at=LATER)
    AuditPersonalValue.objects.filter(event__sequence=5).delete()
    note(organization, diff={"limit": ["1.50", None], "on": [True, False]}, at=LATEST)
    note(organization, at=LATEST)
    return organization


def file_of(organization, first=1, last=7) -> bytes:
    wanted = SequenceRange(first, last)
    return b"".join(audit_file(organization=organization, wanted=wanted, exported_at=EXPORTED_AT))


def lines_of(text: bytes) -> list[bytes]:
    return io.BytesIO(text).readlines()


def fault_of(text: bytes, *keys: str) -> Fault:
    with pytest.raises(Fault) as caught:
        verify(lines_of(text), keys)
    return caught.value


def written(*lines: object) -> bytes:
    """The lines as the product would write them, with an end that fits."""
    text = b"".join(
        json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        + b"\n"
        for line in lines
    )
    end = {"kind": "end", "lines": len(lines), "sha256": hashlib.sha256(text).hexdigest()}
    return text + json.dumps(end, separators=(",", ":")).encode() + b"\n"


def parsed(text: bytes) -> list[dict]:
    return [json.loads(line) for line in lines_of(text)[:-1]]


def rehash(event: dict) -> str:
    content = json.dumps(
        event["content"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    event["hash"] = hashlib.sha256(content.encode()).hexdigest()
    return event["hash"]


# --- what holds ----------------------------------------------------------------------------------


def test_a_whole_log_holds(acme):
    found = verify(lines_of(file_of(acme)))
    head = acme.audit_head
    assert (found.first, found.last, found.hash) == (1, 7, bytes(head.hash).hex())
    assert (found.kept, found.erased) == (2, 1)
    assert found.signed == [(4, KEY.public_key.hex())]
    assert report(found) == (
        "acme: entries 1 to 7 hold, from 2026-11-24T09:00:00.000000+00:00 "
        "to 2026-11-26T09:00:00.000000+00:00.\n"
        f"The last hash is {bytes(head.hash).hex()}.\n"
        "Checkpoints signed by key 2c2f5f11b9be7aa0: 1.\n"
        "No checkpoint in this file covers entries 5 to 7.\n"
        "Personal values as they were written: 2; erased: 1."
    )


def test_a_part_holds_and_says_what_is_not_in_it(acme):
    wanted = find_range(organization_id=acme.pk, since=LATER, until=LATEST)
    assert wanted == (3, 5)
    found = verify(lines_of(file_of(acme, *wanted)))
    assert (found.first, found.last) == (3, 5)
    assert "What came before entry 3 is not in this file." in report(found)
    no_part = find_range(organization_id=acme.pk, since=EXPORTED_AT, until=None)
    assert no_part.length == 0
    found = verify(lines_of(file_of(acme, *no_part)))
    assert report(found) == "acme: there is no entry in this file."


def test_a_log_that_was_cut_begins_at_its_checkpoint(acme):
    sign_in_the_past(acme, 2)
    trim_audit(organization_id=acme.pk, at=database_now())
    wanted = find_range(organization_id=acme.pk, since=None, until=None)
    assert wanted == (3, 7)
    found = verify(lines_of(file_of(acme, *wanted)))
    assert [sequence for sequence, _ in found.signed] == [2, 4]
    assert "is not in this file" not in report(found)


# --- what does not -------------------------------------------------------------------------------


def test_one_changed_byte_anywhere_is_caught(acme):
    """Every byte of a file without signatures, one bit of each."""
    text = file_of(acme, 5, 6)
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 1 << place % 8
        fault_of(bytes(changed))


def test_one_changed_byte_of_a_signed_log_is_caught(acme):
    text = file_of(acme)

    @settings(max_examples=150, deadline=None)
    @given(st.integers(0, len(text) - 1), st.integers(1, 255))
    def check(place, difference):
        changed = bytearray(text)
        changed[place] ^= difference
        fault_of(bytes(changed))

    check()


def test_one_byte_more_or_less_is_caught(acme):
    text = file_of(acme)

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, len(text)), st.binary(min_size=1, max_size=1))
    def check(place, more):
        fault_of(text[:place] + more + text[place:])
        if place < len(text):
            fault_of(text[:place] + text[place + 1 :])

    check()


@pytest.mark.parametrize("lines", [0, 1, 2, 5, 8])
def test_a_file_that_was_cut_off_is_caught(acme, lines):
    fault = fault_of(b"".join(lines_of(file_of(acme))[:lines]) or b"")
    assert fault.line == lines + 1
    assert "the file was cut off" in str(fault)


def test_a_changed_entry_is_named(acme):
    text = file_of(acme).replace("后端组".encode(), "后端组!".encode(), 1)
    assert str(fault_of(text)) == "line 4, entry 3: the entry was changed"


def test_an_entry_that_is_left_out_is_named(acme):
    lines = parsed(file_of(acme))
    fault = fault_of(written(*lines[:3], *lines[4:]))
    assert str(fault) == "line 4, entry 3: the entry is missing; here stands entry 4"
    fault = fault_of(written(*lines[:-1]))
    assert str(fault) == "line 9, entry 7: the entry is missing"


def test_a_changed_entry_with_a_hash_that_fits_breaks_the_next(acme):
    lines = parsed(file_of(acme))
    lines[2]["content"]["reason"] = "another"
    rehash(lines[2])
    fault = fault_of(written(*lines))
    assert str(fault) == "line 4, entry 3: the entry does not follow the one before it"


def forged(text: bytes) -> list[dict]:
    """Write entry 2 anew with everything that a forger without the key can make fit."""
    lines = parsed(text)
    events = [line for line in lines if line["kind"] == "event"]
    events[1]["content"]["reason"] = "another"
    for event, following in zip(events[1:], [*events[2:], None], strict=True):
        fresh = rehash(event)
        if following is not None:
            following["content"]["previous_hash"] = fresh
    return lines


def test_a_log_that_was_written_anew_fails_at_its_checkpoint(acme):
    lines = forged(file_of(acme))
    checkpoint = next(line for line in lines if line["kind"] == "checkpoint")
    assert str(fault_of(written(*lines))) == ("line 6, entry 4: the checkpoint names another hash")
    checkpoint["content"]["hash"] = lines[4]["hash"]
    assert str(fault_of(written(*lines))) == (
        "line 6, entry 4: the checkpoint's signature is false"
    )


def test_a_forger_with_another_key_is_not_the_one_that_was_pinned(acme):
    text = file_of(acme)
    ours = KEY.public_key.hex()
    verify(lines_of(text), [ours])
    fault = fault_of(text, "11" * 32)
    assert str(fault) == (
        "line 6, entry 4: the checkpoint is signed by another key, 2c2f5f11b9be7aa0"
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"value": "后端!"}, "the personal value name was changed"),
        ({"salt": "00" * 16}, "the personal value name was changed"),
        ({"salt": "00"}, "the personal value name was changed"),
        ({"salt": "zz" * 16}, "hexadecimal text was changed"),
        ({"salt": 1}, "salt is not what it must be"),
        ({"more": 1}, "the line has not the parts that it must have"),
    ],
)
def test_a_changed_personal_value_is_named(acme, change, problem):
    lines = parsed(file_of(acme))
    lines[3]["personal"]["name"] |= change
    assert str(fault_of(written(*lines))) == f"line 4, entry 3: {problem}"


def test_a_personal_value_that_the_entry_does_not_name_is_refused(acme):
    lines = parsed(file_of(acme))
    lines[3]["personal"]["email"] = lines[3]["personal"]["name"]
    assert fault_of(written(*lines)).problem == "the personal value email was changed"


@pytest.mark.parametrize(
    ("place", "change", "problem"),
    [
        (0, {"format": 2}, "format 2 needs another version of this program"),
        (0, {"format": True}, "format is not what it must be"),
        (0, {"kind": "event"}, "this is not an exported audit log"),
        (2, {"kind": "audit_log"}, "this is not an exported audit log"),
        (2, {"kind": "note"}, "the line is none that an audit log has"),
        (2, {"kind": ["event"]}, "the line is none that an audit log has"),
        (2, {"content": 1}, "content is not what it must be"),
        (2, {"content": {}}, "the line has not the parts that it must have"),
        (5, {"signature": "ab"}, "the checkpoint's signature is false"),
        (5, {"public_key": "AB" * 32}, "hexadecimal text was changed"),
    ],
)
def test_a_line_of_another_shape_is_refused(acme, place, change, problem):
    lines = parsed(file_of(acme))
    lines[place] |= change
    fault = fault_of(written(*lines))
    assert (fault.line, fault.problem) == (place + 1, problem)


@pytest.mark.parametrize(
    ("place", "part", "problem"),
    [
        (2, {"version": 2}, "chain version 2 needs another version of this program"),
        (2, {"organization_id": 0}, "the entry is of another organization"),
        (5, {"version": 2}, "the checkpoint is not of this place"),
        (5, {"sequence": 3}, "the checkpoint is not of this place"),
        (5, {"organization_id": 0}, "the checkpoint is of another organization"),
    ],
)
def test_a_line_of_somewhere_else_is_refused(acme, place, part, problem):
    lines = parsed(file_of(acme))
    lines[place]["content"] |= part
    fault = fault_of(written(*lines))
    assert (fault.line, fault.problem) == (place + 1, problem)


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind": "audit_log"}\n',
        b'{"kind":"audit_log","kind":"audit_log"}\n',
        b'{"kind":1.5}\n',
        b'{"kind":NaN}\n',
        b'{"kind":"\\u0061"}\n',
        b'{"kind":"\xff"}\n',
        b"[" * 100_000 + b"\n",
        b"[]\n",
        b"\n",
        b"not json\n",
    ],
)
def test_a_line_that_is_not_canonical_is_refused(line):
    fault = fault_of(line)
    assert fault.line == 1
    assert fault.sequence is None


def test_a_line_after_the_end_is_refused(acme):
    text = file_of(acme)
    assert fault_of(text + b"\n").problem == "there is something after the end"


# --- as a program --------------------------------------------------------------------------------


def run(*arguments: str, text: bytes = b""):
    """As a customer runs it: no packages, no settings, not in this directory."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), *arguments],
        input=text,
        capture_output=True,
        cwd="/",
        check=False,
    )


def test_the_program_needs_nothing_but_python(acme, tmp_path):
    path = tmp_path / "acme.jsonl"
    path.write_bytes(file_of(acme))
    done = run(str(path), "--public-key", KEY.public_key.hex())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("acme: entries 1 to 7 hold")
    path.write_bytes(path.read_bytes().replace(b"mei", b"Mei").replace(b"Line", b"line"))
    done = run(str(path))
    assert done.returncode == 1
    assert done.stderr.decode() == f"error: {path}: line 5, entry 4: the entry was changed\n"
    done = run("-", text=path.read_bytes())
    assert done.returncode == 1
    done = run(str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().endswith("No such file or directory\n")


def test_the_command_is_the_program(acme, tmp_path, capsys):
    path = tmp_path / "acme.jsonl"
    path.write_bytes(file_of(acme))
    call_command("verify_audit", str(path))
    assert capsys.readouterr().out.startswith("acme: entries 1 to 7 hold")
    path.write_bytes(path.read_bytes().replace(b"Line", b"line"))
    with pytest.raises(SystemExit) as caught:
        call_command("verify_audit", str(path), "--public-key", KEY.public_key.hex())
    assert caught.value.code == 1
    assert capsys.readouterr().err == (f"error: {path}: line 5, entry 4: the entry was changed\n")
