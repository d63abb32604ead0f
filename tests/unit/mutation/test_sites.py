"""What a mutant changes, and what it leaves alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.mutation.sites import marked, read


def changes(folder: Path, text: str) -> list[str]:
    """Return the mutants of a file's only function `f`, without the function's name."""
    path = folder / "toy.py"
    path.write_text(text)
    return [site.name.removeprefix("toy.f: ") for site in read(path, "toy", 0).sites]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("return a < 1", ["return None", "a <= 1", "a < 2"]),
        ("return min(a, 1) if a else a + a", ["return None", "if not a", "max(", "min(a, 2)", "a - a"]),
        (
            "return [x for x in a if x is not None][1:]",
            ["return None", "[:]", "`for x in a`", "is None", "[2:]"],
        ),
        ("a.append(a and -a)", ["pass", "a or -a", "a and a"]),
        ("a = f(a, key='b', b=True)", ["a = None", "f(a, b=True)", "f(a, key='b')", "'XXb'", "b=False"]),
    ],
)
def test_each_mutant_is_one_fault(tmp_path: Path, statement: str, expected: list[str]) -> None:
    """Comparisons, arithmetic, conditions, constants, arguments and statements are changed one by one."""
    found = changes(tmp_path, f"def f(a):\n    {statement}\n")
    assert len(found) == len(expected)
    after = [name.split("→")[1] for name in found]
    for text in expected:
        assert any(text in each for each in after), (text, after)


def test_what_nobody_relies_on_is_not_changed(tmp_path: Path) -> None:
    """Docstrings, annotations, the words of errors, log lines and formatted texts stay as they are."""
    text = '''
def f(a: "int" = 1) -> "str":
    """Do nothing with 2."""
    log.info("three", rows=4)
    b: "Literal[5]"
    if a:
        raise ValueError("six" + 7)
    c = cast("Eight", a)
    assert a, "nine"
'''
    assert changes(tmp_path, text) == ["`if a:` → `if not a:`", "`c = cast('Eight', a)` → `c = None`"]


def test_the_same_change_twice_in_a_function_has_two_names(tmp_path: Path) -> None:
    """So that one of them can be named in the documents."""
    found = changes(tmp_path, "def f(a):\n    g(a + 1 < 2)\n    g(a + 1 < 2)\n")
    assert len(set(found)) == len(found)
    assert "`g(a + 1 < 2)` → `pass` (2)" in found


def test_a_marked_function_says_which_statements_it_comes_to(tmp_path: Path) -> None:
    """Every statement is known by its number, in branches and inner functions as well."""
    path = tmp_path / "toy.py"
    path.write_text('''
def f(a):
    """Text."""
    def inner():
        return 1
    if a:
        b = inner()
    elif a is None:
        b = 2
    else:
        b = 3
    return b
''')
    source = read(path, "toy", 10)
    reached: set[int] = set()
    space = {"__mutation_reached__": reached.add}
    exec(compile(marked(source), "toy", "exec"), space)  # noqa: S102
    assert space["f"](1) == 1
    lines = {ast.unparse(source.statements[number]).splitlines()[0] for number in reached}
    assert lines == {"def inner():", "return 1", "if a:", "b = inner()", "return b"}
    assert min(source.statements) == 10
