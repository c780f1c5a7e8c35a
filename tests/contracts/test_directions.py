"""The import contracts themselves: a rule that names too little would pass in silence."""

import tomllib

from tests.contracts.tree import PROJECT

HIDDEN_FROM_BILLING = ("web", "api", "admin", "tasks")


def contracts() -> dict:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in settings["tool"]["importlinter"]["contracts"]}


def test_billing_is_kept_from_every_inner_room_of_orgs():
    existing = {
        f"orgs.{room}"
        for room in HIDDEN_FROM_BILLING
        if (PROJECT / "orgs" / room).is_dir() or (PROJECT / "orgs" / f"{room}.py").is_file()
    }
    named = set(contracts()["billing uses only the public parts of orgs"]["forbidden_modules"])
    assert existing - named == set()


def test_every_layer_is_placed():
    layers = contracts()["Layers inside an app"]
    assert layers["exhaustive"] is True
    assert set(layers["exhaustive_ignores"]) == {"apps", "checks", "migrations", "templatetags"}
