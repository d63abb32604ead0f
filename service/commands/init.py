"""The command `init`: write a first monitor file from the data, with the reason of each guess.

On a terminal it asks about what matters most; in a script it never waits for an answer.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.config import monitor_file, settings
from service.errors import ConfigurationError, SourceError
from service.guess.facts import facts_of
from service.guess.monitor_text import edits, monitor_text
from service.guess.roles import Role, TimeGuess, guess_roles, with_outputs
from service.guess.table import guess_table
from service.sources.tables.parsed import nearest
from service.sources.tables.raw_frame import raw_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from service.guess.facts import ColumnFacts
    from service.guess.roles import Roles

    Ask = Callable[[str], str]

NAME_LENGTH = 63
NONE = "-"  # the answer for no column


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says: the files, the monitor's name, and whether a file may be overwritten."""

    data: Path
    reference: Path | None = None
    name: str | None = None
    force: bool = False


def execute(wanted: Wanted) -> int:
    """Write the monitor file and say what is next; return the exit status.

    Raises ConfigurationError where the data cannot be read, or where the file is there already.
    """
    loaded = settings.load()
    name = wanted.name or _name_of(wanted.data)
    target = loaded.monitors_dir / f"{name}.yaml"
    if target.exists() and not wanted.force:
        raise ConfigurationError(f"{target}: is there already; --force overwrites it, --name writes another")
    text = made(wanted, ask=input if sys.stdin.isatty() and sys.stdout.isatty() else None)
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, text)
    sys.stdout.write(f"{target}: written\n")
    needed = edits(text)
    sys.stdout.writelines(f"needs an edit: {edit}\n" for edit in needed)
    if not needed:
        monitor_file.load(target, loaded.data_dir)  # what was written must be valid
    sys.stdout.write("next: read its comments, then `tidegauge check`, then `tidegauge run`\n")
    return 0


def made(wanted: Wanted, *, ask: Ask | None = None) -> str:
    """Return the text of the monitor file; with `ask` the guesses of the parts are put to the user.

    Raises ConfigurationError where the data cannot be read.
    """
    frame = _read(wanted.data)
    if wanted.reference is not None:
        frame = _common(frame, _read(wanted.reference), wanted)
    facts = facts_of(frame)
    roles = guess_roles(facts)
    if ask is not None:
        roles = _asked(roles, facts, ask)
    guess = guess_table(frame, has_reference=wanted.reference is not None, roles=roles)
    reference = None if wanted.reference is None else wanted.reference.absolute()
    return monitor_text(guess, wanted.data.absolute(), reference)


def _read(path: Path) -> pd.DataFrame:
    try:
        return raw_frame(path)
    except SourceError as error:
        raise ConfigurationError(str(error)) from error


def _common(frame: pd.DataFrame, reference: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    # The time of a row is needed in the data alone; every other column in both.
    common = [name for name in frame.columns if name in reference.columns]
    if not common:
        raise ConfigurationError(f"{wanted.data} and {wanted.reference} have no column in common")
    time = guess_roles(facts_of(frame)).time
    return frame[[name for name in frame.columns if name in common or (time and name == time.column)]]


def _name_of(data: Path) -> str:
    stem = data.name.split(".")[0] or data.parent.name
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:NAME_LENGTH]
    return name or "monitor"


def _write(target: Path, text: str) -> None:
    # Whole or not at all: a service may read the folder meanwhile.
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigurationError(f"{target}: cannot be written: {error.strerror}") from error


def _asked(roles: Roles, facts: Sequence[ColumnFacts], ask: Ask) -> Roles:
    names = [column.name for column in facts]
    sys.stdout.write(f"Enter takes the guess, {NONE} is none. The columns: {', '.join(names)}\n")
    time = _answer(ask, "time of each row", roles.time, names)
    identity = _answer(ask, "id of each row", roles.identity, names)
    target = _answer(ask, "target (the true value)", roles.target, names)
    prediction = _answer(ask, "prediction of the model", roles.prediction, names)
    chosen = time if isinstance(time, TimeGuess) or time is None else TimeGuess(time.column, time.why)
    if (target, prediction) != (roles.target, roles.prediction):
        roles = with_outputs(replace(roles, score=None), facts, target, prediction)
    return replace(roles, time=chosen, identity=identity)


def _answer(ask: Ask, what: str, guess: Role | None, names: Sequence[str]) -> Role | None:
    while True:
        try:
            text = ask(f"{what} [{guess.column if guess else NONE}]: ").strip()
        except EOFError:
            return guess
        if not text:
            return guess
        if text == NONE:
            return None
        if text in names:
            return Role(text, "as you said")
        sys.stdout.write(f"no column {text!r}{nearest(text, names)}\n")
