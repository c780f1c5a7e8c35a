"""What the code says to the audit log, read from its text: actions, targets, fields."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from tests.contracts.tree import name_of, product_files

SPELLED_OUT: dict[tuple[str, str], list[str]] = {
    ("orgs/services/exceptions.py", "f'exception.{state}'"): [
        "exception.expired",
        "exception.revoked",
        "exception.withdrawn",
    ],
    ("orgs/services/device_sign_ins.py", "f'device_sign_in.{end}'"): [
        "device_sign_in.approved",
        "device_sign_in.denied",
        "device_sign_in.expired",
    ],
}
"""Actions that are put together while the program runs: file, expression, all its values."""

WHERE_ENTRIES_ARE_MADE = "orgs/services/audit.py"
"""Hands on what the callers of `add` say."""


class Said(NamedTuple):
    """One `….add(organization_id=…, action=…, target=…)`, or one `AuditEntry(…)`."""

    where: str
    actions: list[str]
    target_kinds: list[str]
    fields: list[str]


class Unreadable(AssertionError):
    """An action or target that can't be read from the text."""


def everything_said() -> list[Said]:
    return [
        said
        for path in product_files()
        if "migrations" not in path.parts
        for said in said_in(name_of(path), ast.parse(path.read_text(encoding="utf-8")))
    ]


def said_in(name: str, tree: ast.Module) -> Iterator[Said]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    reader = _Reader(name, tree, functions)
    for call in ast.walk(tree):
        given = {word.arg: word.value for word in getattr(call, "keywords", []) if word.arg}
        is_add = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        is_entry = isinstance(call, ast.Call) and ast.unparse(call.func) == "AuditEntry"
        if is_add and call.func.attr == "add" and {"action", "target"} <= set(given):
            kinds = reader.target_kinds(given["target"], inside=call)
        elif is_entry and name != WHERE_ENTRIES_ARE_MADE:
            kinds = reader.texts(given["target_kind"], inside=call)
        else:
            continue
        yield Said(
            where=f"{name}:{call.lineno}",
            actions=reader.texts(given["action"], inside=call),
            target_kinds=kinds,
            fields=[*_keys(given.get("diff")), *_keys(given.get("personal"))],
        )


class _Reader:
    def __init__(self, name: str, tree: ast.Module, functions: list[ast.FunctionDef]) -> None:
        self.name, self.tree, self.functions = name, tree, functions

    def texts(self, node: ast.expr, *, inside: ast.AST) -> list[str]:
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.IfExp(body=one, orelse=other):
                return [*self.texts(one, inside=inside), *self.texts(other, inside=inside)]
            case ast.JoinedStr():
                spelled = SPELLED_OUT.get((self.name, ast.unparse(node)))
                if spelled is not None:
                    return spelled
            case ast.Name(id=name):
                return self._named(name, inside=inside)
            case _:
                pass
        raise Unreadable(f"{self.name}:{node.lineno}: {ast.unparse(node)}: spell it out")

    def target_kinds(self, node: ast.expr, *, inside: ast.AST) -> list[str]:
        if isinstance(node, ast.IfExp):
            return [
                *self.target_kinds(node.body, inside=inside),
                *self.target_kinds(node.orelse, inside=inside),
            ]
        if isinstance(node, ast.Tuple):
            return self.texts(node.elts[0], inside=inside)
        raise Unreadable(f"{self.name}:{node.lineno}: write the target as (kind, id)")

    def _named(self, name: str, *, inside: ast.AST) -> list[str]:
        """Read a constant of the module, or what callers here give for a parameter."""
        for node in self.tree.body:
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return self.texts(node.value, inside=node)
        for function in self.functions:
            if inside not in ast.walk(function):
                continue
            positions = [argument.arg for argument in function.args.args]
            if name in positions:
                return self._given(function.name, positions.index(name), name)
        raise Unreadable(f"{self.name}: {name} is no constant and no parameter here")

    def _given(self, function: str, position: int, name: str) -> list[str]:
        found: list[str] = []
        for call in ast.walk(self.tree):
            is_call = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            if is_call and call.func.id == function:
                words = {word.arg: word.value for word in call.keywords}
                value = words[name] if name in words else call.args[position]
                found += self.texts(value, inside=call)
        return found


def _keys(node: ast.AST | None) -> Iterator[str]:
    """Yield the constant keys of dictionaries that are written there, not of those inside."""
    if isinstance(node, ast.Dict):
        for key in node.keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value
    elif node is not None:
        for child in ast.iter_child_nodes(node):
            yield from _keys(child)
