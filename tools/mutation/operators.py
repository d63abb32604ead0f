"""What a mutant changes: for a node of the syntax tree, the nodes that may take its place."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    match node:
        case ast.Compare():
            yield from _of_comparison(node)
        case ast.BoolOp():
            yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.BinOp() | ast.AugAssign():
            yield _changed(node, op=ARITHMETIC[type(node.op)]())
        case ast.UnaryOp(operand=operand):
            if not isinstance(operand, ast.Constant):
                yield operand
        case ast.Constant(value=value):
            yield from _of_constant(value)
        case ast.Name() | ast.Attribute():
            yield from _of_name(node)
        case ast.If() | ast.While() | ast.IfExp():
            if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield _changed(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.comprehension(ifs=ifs):
            for at in range(len(ifs)):
                yield _changed(node, ifs=[*ifs[:at], *ifs[at + 1 :]])
        case ast.Slice():
            for side in ("lower", "upper"):
                if getattr(node, side) is not None:
                    yield _changed(node, **{side: None})
        case ast.Call():
            yield from _of_call(node)
        case ast.Return(value=value):
            if value is not None and not isinstance(value, ast.Constant):
                yield ast.Return(ast.Constant(None))
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            if value is not None and not isinstance(value, ast.Constant):
                yield _changed(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()


def _changed(node: ast.AST, **fields: Any) -> ast.AST:
    # The parts are shared with the original: only what is replaced is new.
    parts = {name: value for name, value in ast.iter_fields(node)} | fields
    return type(node)(**parts)


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
