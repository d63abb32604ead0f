"""Write a guessed monitor as the text of its file: each guess with its reason, each edit that is needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from service.core.rows.task import TaskName
from service.core.time_units import to_datetime
from service.guess.table import MIN_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.guess.facts import ColumnFacts
    from service.guess.kinds import KindGuess
    from service.guess.roles import Role
    from service.guess.table import TableGuess

EDIT = "EDIT"  # begins a comment that has to be acted on before the monitor works


def monitor_text(guess: TableGuess, data: Path, reference: Path | None) -> str:
    """Return the text of a monitor file for the table in `data`."""
    lines = _lines(guess, data, reference)
    return "".join(f"{' '.join(line.splitlines())}\n" for line in lines)  # a name may hold a line's end


def edits(text: str) -> list[str]:
    """Return the comments of a monitor file that have to be acted on."""
    return [line.split(f"{EDIT}: ", 1)[1] for line in text.splitlines() if f"# {EDIT}: " in line]


def quoted(text: str) -> str:
    """Return a text as YAML writes it, quoted where it would be read as something else."""
    if not text.isprintable():
        return json.dumps(text)
    dumped = yaml.safe_dump(text, allow_unicode=True, width=10_000, default_style=None)
    return dumped.removesuffix("\n").removesuffix("\n...")


def _label(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(guess: TableGuess, data: Path, reference: Path | None) -> Iterator[str]:
    size = f"{guess.rows:,} rows and {len(guess.columns)} columns"
    yield f"# Written by `tidegauge init` from {data.name}, of {size}."
    yield "# Each guess has its reason. Change what is wrong, then run `tidegauge check` (docs/monitor.md)."
    yield from _source(guess, data)
    yield from _reference(guess, reference)
    yield from _columns(guess)
    yield from _identity(guess)
    yield from _task(guess)
    yield from _window(guess)


def _source(guess: TableGuess, data: Path) -> Iterator[str]:
    windows, time = guess.windows, guess.roles.time
    yield "source:"
    yield "  type: replay"
    yield f"  path: {quoted(str(data))}"
    formats = {facts.name: facts.time_formats for facts, _ in guess.columns}
    for name in guess.roles.ambiguous_times:
        first, second = (_label(pattern) for pattern in formats[name][:2])
        yield f"  # {name}: is the day or the month first? If it is the time, write"
        yield f"  # timestamp: {{column: {quoted(name)}, format: {first}}}, or {second},"
        yield "  # and step: 1d in place of rows"
    if time is None:
        yield "  # No column holds times: rows are taken in the file's order, and are a second apart from"
        yield "  # 2000-01-01 on. With a column of times, write timestamp: COLUMN and leave skip_rows out."
    elif time.unit is not None:
        yield f"  timestamp: {{column: {quoted(time.column)}, unit: {time.unit}}}  # {time.why}"
    elif time.pattern is not None:
        yield f"  timestamp: {{column: {quoted(time.column)}, format: {_label(time.pattern)}}}  # {time.why}"
    else:
        yield f"  timestamp: {quoted(time.column)}  # {time.why}; without an offset they are UTC"
    if windows.size is not None:
        yield f"  step: {windows.size}  # of event time per cycle"
        if windows.cut is not None:
            yield f"  start: {_instant(windows.cut)}  # what lies before is the reference"
    else:
        yield f"  rows: {windows.rows}  # per cycle"
        if windows.cut is not None:
            yield f"  skip_rows: {windows.cut}  # they are the reference"


def _reference(guess: TableGuess, reference: Path | None) -> Iterator[str]:
    cut = guess.windows.cut
    if reference is not None:
        yield f"reference: {{path: {quoted(str(reference))}}}"
        return
    part = f"end: {_instant(cut)}" if guess.windows.size is not None and cut else f"first_rows: {cut}"
    yield f"reference: {{{part}}}  # the same file's; better: path: of what the model was validated on"
    target = guess.roles.target
    facts = next((f for f, _ in guess.columns if target is not None and f.name == target.column), None)
    if guess.time_column is None and facts is not None and facts.sorted_runs:
        yield f"  # The file is sorted by {facts.name}: its first rows are no fair reference, and drift is"
        yield "  # certain. Shuffle its rows, or write reference: {path: FILE}."


def _columns(guess: TableGuess) -> Iterator[str]:
    watched = guess.watched
    if not watched:
        yield f"# {EDIT}: no column could be understood; name one or more: columns: {{price: numerical}}"
    yield "columns:" if watched else "columns: {}"
    taken = {guess.time_column, guess.id_column}
    for facts, kind in guess.columns:
        if facts.name not in taken:
            yield _column(facts, kind)


def _column(facts: ColumnFacts, guess: KindGuess) -> str:
    name = quoted(facts.name)
    missing = f"; {facts.missing / facts.rows:.2%} missing" if facts.missing and guess.kind else ""
    if guess.kind is None:
        return f"  # {name}: categorical  # left out: {guess.why}"
    said = f"{{kind: {guess.kind}, {guess.options}}}" if guess.options else str(guess.kind)
    return f"  {name}: {said}  # {guess.why}{missing}"


def _identity(guess: TableGuess) -> Iterator[str]:
    identity = guess.roles.identity
    if identity is None:
        yield "# id: COLUMN  # none is named like an id with a value of its own in every row"
    else:
        yield f"id: {quoted(identity.column)}  # {identity.why}"


def _task(guess: TableGuess) -> Iterator[str]:
    roles = guess.roles
    if roles.task is not None:
        yield f"task: {roles.task}  # by the target's values"
    yield from _part("target", roles.target, "of the true values: with it and a prediction, performance")
    if roles.score is None:
        yield from _part("prediction", roles.prediction, "of the model's predictions, for performance")
    elif roles.prediction is not None:
        yield from _part("prediction", roles.prediction, "")
    if roles.score is not None:
        yield from _part("score", roles.score, "")
    if roles.scores:
        pairs = ", ".join(f"{_label(label)}: {quoted(name)}" for label, name in roles.scores.items())
        yield f"scores: {{{pairs}}}  # by their names"
    if roles.task is TaskName.BINARY and roles.positive is not None:
        yield f"positive: {_label(roles.positive.column)}  # {roles.positive.why}"
    if roles.task is not None:
        metric = {TaskName.REGRESSION: "mae", TaskName.BINARY: "roc_auc" if roles.score else "f1"}
        yield f"# performance: {{{metric.get(roles.task, 'accuracy')}: 0.8}}  # a threshold to alarm at"


def _part(key: str, role: Role | None, what_for: str) -> Iterator[str]:
    if role is None:
        yield f"# {key}: COLUMN  # no column is named like the one {what_for}"
    else:
        yield f"{key}: {quoted(role.column)}  # {role.why}"


def _window(guess: TableGuess) -> Iterator[str]:
    windows = guess.windows
    if windows.size is not None:
        yield f"window: {{size: {windows.size}}}"
        return
    few = f", min_rows: {windows.min_rows}" if windows.min_rows < MIN_ROWS else ""
    yield f"window: {{size_rows: {windows.rows}{few}}}"


def _instant(micros: int) -> str:
    return to_datetime(micros).strftime("%Y-%m-%dT%H:%M:%SZ")
