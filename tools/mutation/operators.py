"""What a mutant changes: for a node of the syntax tree, the nodes that may take its place."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.MatMult: ast.Mult,
}  # fmt: skip
OPPOSITES = {
    "min": "max", "any": "all", "minimum": "maximum", "fmin": "fmax", "floor": "ceil", "argmin": "argmax",
    "zeros": "ones", "left": "right",
}  # fmt: skip
OPPOSITES |= {after: before for before, after in OPPOSITES.items()}


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may take a node's place, each one fault."""
    for kind, faults in FAULTS.items():
        if isinstance(node, kind):
            yield from faults(node)


def _changed(node: ast.AST, **fields: Any) -> ast.AST:
    # The parts are shared with the original: only what is replaced is new.
    return type(node)(**(dict(ast.iter_fields(node)) | fields))


def _of_comparison(node: ast.Compare) -> Iterator[ast.AST]:
    for at, op in enumerate(node.ops):
        yield _changed(node, ops=[*node.ops[:at], COMPARISONS[type(op)](), *node.ops[at + 1 :]])


def _of_constant(value: object) -> Iterator[ast.AST]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str():
            yield ast.Constant(OPPOSITES.get(value, f"XX{value}"))
        case bytes():
            yield ast.Constant(b"XX" + value)


def _of_name(node: ast.Name | ast.Attribute) -> Iterator[ast.AST]:
    name = node.id if isinstance(node, ast.Name) else node.attr
    if name in OPPOSITES and isinstance(node.ctx, ast.Load):
        yield _changed(node, **{"id" if isinstance(node, ast.Name) else "attr": OPPOSITES[name]})


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    for at, keyword in enumerate(node.keywords):
        # `strict` of `zip` guards a promise that callers keep: without it nothing changes.
        if keyword.arg not in {None, "strict"}:
            yield _changed(node, keywords=[*node.keywords[:at], *node.keywords[at + 1 :]])


def _of_bool(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _of_arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    yield _changed(node, op=ARITHMETIC[type(node.op)]())


def _of_unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if not isinstance(node.operand, ast.Constant):
        yield node.operand


def _of_test(node: ast.If | ast.While | ast.IfExp) -> Iterator[ast.AST]:
    if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield _changed(node, test=ast.UnaryOp(ast.Not(), node.test))


def _of_loop(node: ast.comprehension) -> Iterator[ast.AST]:
    for at in range(len(node.ifs)):
        yield _changed(node, ifs=[*node.ifs[:at], *node.ifs[at + 1 :]])


def _of_slice(node: ast.Slice) -> Iterator[ast.AST]:
    for side in ("lower", "upper"):
        if getattr(node, side) is not None:
            yield _changed(node, **{side: None})


def _of_return(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not isinstance(node.value, ast.Constant):
        yield ast.Return(ast.Constant(None))


def _of_assignment(node: ast.Assign | ast.AnnAssign) -> Iterator[ast.AST]:
    if node.value is not None and not isinstance(node.value, ast.Constant):
        yield _changed(node, value=ast.Constant(None))


def _of_statement(node: ast.Expr) -> Iterator[ast.AST]:
    if isinstance(node.value, ast.Call | ast.Await):
        yield ast.Pass()


FAULTS: dict[Any, Callable[[Any], Iterator[ast.AST]]] = {
    ast.Compare: _of_comparison,
    ast.BoolOp: _of_bool,
    ast.BinOp | ast.AugAssign: _of_arithmetic,
    ast.UnaryOp: _of_unary,
    ast.Constant: lambda node: _of_constant(node.value),
    ast.Name | ast.Attribute: _of_name,
    ast.If | ast.While | ast.IfExp: _of_test,
    ast.comprehension: _of_loop,
    ast.Slice: _of_slice,
    ast.Call: _of_call,
    ast.Return: _of_return,
    ast.Assign | ast.AnnAssign: _of_assignment,
    ast.Expr: _of_statement,
    ast.Break: lambda _: iter((ast.Continue(),)),
    ast.Continue: lambda _: iter((ast.Break(),)),
}
