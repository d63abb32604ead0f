"""The command line names what was meant, and hands psql its arguments as they are."""

from __future__ import annotations

import pytest

from service.cli import main
from service.commands import psql
from service.commands.parser import with_separator


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stauts"], "invalid choice: 'stauts'|the nearest is status"),
        (["monitor", "lst"], "usage: tidegauge monitor|the nearest is list"),
        (["status", "--moniter", "x"], "usage: tidegauge status|--moniter x; the nearest is --monitor"),
        (["status", "x"], "usage: tidegauge status|unrecognized arguments: x"),
        (["metrics", "--format", "jsn"], "invalid choice: 'jsn'|the nearest is json"),
        (["token", "list", "--jason=x"], "usage: tidegauge token list|--jason=x; the nearest is --json"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage of the command that was called, not of all."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    for part in said.split("|"):
        assert part in err


def test_psql_needs_no_separator() -> None:
    """What `tidegauge psql` does not know itself is psql's, whether `--` is written or not."""
    assert with_separator(["psql", "-c", "select 1", "mine"]) == ["psql", "--", "-c", "select 1", "mine"]
    assert with_separator(["psql", "--print"]) == ["psql", "--print", "--"]
    assert with_separator(["psql"]) == ["psql", "--"]
    assert with_separator(["psql", "--", "-c", "x"]) == ["psql", "--", "-c", "x"]
    assert with_separator(["status", "-c"]) == ["status", "-c"]
    assert with_separator([]) == []


def test_psql_gets_its_arguments_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options and words alike, `--print` as our own."""
    seen: list[tuple[list[str], bool]] = []

    def execute(arguments: list[str], *, print_only: bool) -> int:
        seen.append((arguments, print_only))
        return 0

    monkeypatch.setattr(psql, "execute", execute)
    assert main(["psql", "-At", "-c", "select 1", "mine"]) == 0
    assert main(["psql", "--", "-c", "select 1"]) == 0
    assert main(["psql", "--print"]) == 0
    assert main(["psql"]) == 0
    assert seen == [
        (["-At", "-c", "select 1", "mine"], False), (["-c", "select 1"], False), ([], True), ([], False)
    ]  # fmt: skip
