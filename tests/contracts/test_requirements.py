"""What we depend on: pinned, hashed, from nowhere in particular, each with its reason."""

import json
import re

import pytest

from tests.contracts.tree import PROJECT, name_of

LISTS = sorted(PROJECT.glob("requirements*.txt"))
COMPILED = [path for path in LISTS if path.name != "requirements-overrides.txt"]
WRITTEN = [*sorted(PROJECT.glob("requirements*.in")), PROJECT / "requirements-overrides.txt"]
ADDRESS = re.compile(
    r"https?:|file:|git\+|--(index|extra-index|find-links|trusted-host)|\s@\s|/tmp"
)


@pytest.mark.parametrize("path", COMPILED, ids=name_of)
def test_every_package_is_pinned_and_hashed(path):
    entries = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip())
    packages = [entry for entry in entries if not entry.startswith(("#", "-c"))]
    assert packages
    for entry in packages:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==[^\s;]+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("path", [*COMPILED, *WRITTEN], ids=name_of)
def test_no_address_is_recorded(path):
    text = path.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if ADDRESS.search(line)] == []


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_every_package_says_why_it_is_there(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    packages = [line for line in lines if not line.startswith(("#", "-c "))]
    assert packages
    assert [line for line in packages if not re.search(r"  # \S.{9,}", line)] == []


@pytest.mark.parametrize("path", COMPILED, ids=name_of)
def test_the_compiled_list_holds_what_the_written_one_asks_for(path):
    written = path.with_suffix(".in").read_text(encoding="utf-8")
    asked = {
        re.split(r"[\[<>=;\s]", line)[0].lower()
        for line in written.splitlines()
        if line.strip() and not line.startswith(("#", "-c "))
    }
    pinned = set(re.findall(r"(?m)^([a-z0-9._-]+)==", path.read_text(encoding="utf-8")))
    assert asked - pinned == set()


def test_the_front_end_lock_records_no_host():
    lock = PROJECT / "package-lock.json"
    if not lock.exists():
        pytest.skip("no front-end packages yet")
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [n for n, entry in packages.items() if n and "integrity" not in entry] == []
