"""Where mutants are: the functions of a file, the statements in them, and what may be replaced."""

from __future__ import annotations

import ast
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.mutation.operators import replacements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SHORTEST = 16
"""Characters of an expression that a reader finds in a function: a shorter one is shown in its context."""

CONTEXT = 40
"""Characters shown on either side of what changed."""

NOT_MUTATED = {"__repr__", "__str__"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Site:
    """One mutant: `after` in the place of a node.

    `name`: the function, and the code before and after; the same from run to run.
    `function`: the qualified name of the function or method.
    `statement`: the number of the statement, as the tree's marker has it.
    `parent`, `field`, `at`: where the node is (`at` is None where the field is no list).
    `after`: what takes its place.
    """

    name: str
    function: str
    statement: int
    parent: ast.AST
    field: str
    at: int | None
    after: ast.AST

    def swap(self, node: ast.AST) -> ast.AST:
        """Put `node` in the place and return what was there."""
        held = getattr(self.parent, self.field)
        if self.at is None:
            setattr(self.parent, self.field, node)
            return held  # type: ignore[no-any-return]
        before: ast.AST = held[self.at]
        held[self.at] = node
        return before


@dataclass(frozen=True, slots=True)
class Source:
    """One file's tree, the statements in its functions (by number, from `first` on), and its mutants."""

    path: Path
    tree: ast.Module
    statements: dict[int, ast.stmt]
    sites: tuple[Site, ...]


def read(path: Path, module: str, first: int) -> Source:
    """Return a file's functions as mutants."""
    tree = ast.parse(path.read_text(), str(path))
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    statements: dict[int, ast.stmt] = {}
    found: list[Site] = []
    seen: Counter[str] = Counter()
    for function, node in _functions(tree, module):
        for place in _statements(node):
            number = first + len(statements)
            statements[number] = place.node  # type: ignore[assignment]
            for part in _parts(place):
                for after in replacements(part.node):
                    site = Site("", function, number, part.parent, part.field, part.at, after)
                    name = f"{function}: {_difference(site, part.node, above)}"
                    seen[name] += 1
                    again = f" ({seen[name]})" if seen[name] > 1 else ""
                    found.append(replace(site, name=name + again))
    return Source(path, tree, statements, tuple(found))


def marked(source: Source) -> ast.Module:
    """Return the file's tree with a call of `__mutation_reached__` before every statement of a function."""
    numbers = {id(node): number for number, node in source.statements.items()}
    for node in ast.walk(source.tree):
        node.number = numbers.get(id(node))  # type: ignore[attr-defined]
    tree = deepcopy(source.tree)
    for node in list(ast.walk(tree)):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and any(getattr(child, "number", None) is not None for child in value):
                setattr(node, field, [item for child in value for item in (*_marker(child), child)])
    return ast.fix_missing_locations(tree)


def _marker(node: ast.AST) -> Iterator[ast.stmt]:
    number = getattr(node, "number", None)
    if number is not None:
        call = ast.Call(ast.Name("__mutation_reached__", ast.Load()), [ast.Constant(number)], [])
        yield ast.copy_location(ast.Expr(call), node)


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the tree, and where it is."""

    parent: ast.AST
    field: str
    at: int | None
    node: ast.AST


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}.{child.name}")
        elif isinstance(child, Function) and child.name not in NOT_MUTATED:
            yield f"{prefix}.{child.name}", child


def _children(node: ast.AST) -> Iterator[Place]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            yield from (
                Place(node, field, at, item) for at, item in enumerate(value) if isinstance(item, ast.AST)
            )
        elif isinstance(value, ast.AST):
            yield Place(node, field, None, value)


def _statements(node: ast.AST) -> Iterator[Place]:
    """Yield the statements of a function, its inner functions' too; not docstrings and declarations."""
    for place in _children(node):
        if isinstance(place.node, ast.stmt) and not _is_text(place.node):
            yield place
        if isinstance(place.node, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _statements(place.node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Global | ast.Nonlocal) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _parts(statement: Place) -> Iterator[Place]:
    """Yield what of a statement may be replaced; not what the statements in it hold."""
    if isinstance(statement.node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom):
        return
    if not _is_log_line(statement.node):
        yield statement
        yield from _inner(statement.node)


def _inner(node: ast.AST) -> Iterator[Place]:
    for place in _children(node):
        if place.field in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        if isinstance(place.node, ast.stmt | ast.ExceptHandler | ast.pattern | ast.arguments | ast.JoinedStr):
            continue
        if isinstance(node, ast.Call) and place.field == "args" and place.at == 0 and _is_cast(node):
            continue
        if isinstance(place.node, ast.keyword) and place.node.arg == "strict":
            continue
        yield place
        yield from _inner(place.node)


def _is_cast(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "cast"


def _is_log_line(statement: ast.AST) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "_log" | "logger")))):
            return True
    return False


def _difference(site: Site, node: ast.AST, above: Mapping[ast.AST, ast.AST]) -> str:
    """Return the code before and after, with enough around it that a reader finds it."""
    around, before = node, _text(node)
    while len(before) < SHORTEST and not isinstance(around, ast.stmt):
        around = above[around]
        before = _text(around)
    if around is node:
        after = _text(site.after)
    else:
        original = site.swap(site.after)
        after = _text(around)
        site.swap(original)
    before, after = _shortened(before, after)
    return f"`{before}` → `{after}`"


def _shortened(before: str, after: str) -> tuple[str, str]:
    """Leave out what is alike in both, but for a few characters on either side of what changed."""
    same = _alike(before, after)
    tail = _alike(before[same:][::-1], after[same:][::-1])
    start, end = max(same - CONTEXT, 0), max(tail - CONTEXT, 0)
    return tuple(  # type: ignore[return-value]
        ("…" if start else "") + text[start : len(text) - end] + ("…" if end else "")
        for text in (before, after)
    )


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.operator | ast.cmpop | ast.boolop | ast.unaryop | ast.expr_context):
        return ""
    text = ast.unparse(ast.fix_missing_locations(node)).strip()
    return text.splitlines()[0] if isinstance(node, ast.stmt) and text else text
