"""Amounts are rounded in one function; nothing else in the product calls a rounding."""

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def rounding_calls(source: str) -> list[int]:
    """Return the lines that call `round(`, `….quantize(` or `….to_integral…(`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
            if name in {"round", "quantize"} or name.startswith("to_integral"):
                found.append(node.lineno)
    return found


def test_nothing_rounds_outside_money():
    checked = [
        path
        for package in ("billing", "orgs", "offload_admin")
        for path in sorted((PROJECT / package).rglob("*.py"))
        if path != PROJECT / "billing/domain/money.py"
    ]
    offenders = [
        f"{path.relative_to(PROJECT)}:{line}"
        for path in checked
        for line in rounding_calls(path.read_text(encoding="utf-8"))
    ]

    assert PROJECT / "billing/domain/rating.py" in checked
    assert offenders == []


def test_the_search_for_rounding_finds_it():
    source = "round(x)\nprice.quantize(cent)\nvalue.to_integral_value()\nround_half_away(x)\n"

    assert rounding_calls(source) == [1, 2, 3]
