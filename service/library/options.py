"""What a caller says of the tables, as the monitor that it would be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from pydantic import ValidationError

from service.config import monitor_file
from service.config.documents.document import composed
from service.config.monitor import Monitor
from service.core.rows.task import TaskName
from service.errors import ConfigurationError
from service.guess.facts import facts_of
from service.guess.roles import Role, Roles, with_outputs
from service.guess.table import kind_of
from service.sources.tables.parsed import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from service.guess.facts import ColumnFacts

ROWS = 1_000_000_000  # of the one window; a monitor needs some


@dataclass(frozen=True, slots=True)
class Options:
    """The keys of a monitor file that a call can say; each has the meaning that it has there.

    - `columns`: the kind of each column, or its section; guessed from the reference's cells where None.
    - `keys`: every other key that was given.
    - `min_rows`: the rows from which drift and performance are measured.
    - `timestamp`: the column of each row's time, by which rows are put in order.
    """

    columns: Mapping[str, Any] | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    min_rows: int | None = None
    timestamp: str | None = None


def monitor_from_file(path: Path) -> Monitor:
    """Read a monitor file, of which the source and the reference are not used."""
    return monitor_file.load(path, Path())


def monitor_from_options(options: Options, reference: pd.DataFrame) -> Monitor:
    """Return the monitor that the options describe; raises ConfigurationError per wrong key."""
    keys = {name: composed(_plain(value)) for name, value in options.keys.items() if value is not None}
    options = replace(
        options, columns=composed(_named_by_texts(options.columns)), timestamp=composed(options.timestamp)
    )
    facts = facts_of(reference)
    roles = _roles(keys, facts, options.timestamp if isinstance(options.timestamp, str) else None)
    if roles.task is not None:
        keys.setdefault("task", str(roles.task))
    window = {"size_rows": ROWS} | ({} if options.min_rows is None else {"min_rows": options.min_rows})
    try:
        return Monitor.model_validate(
            {
                "name": "measure",
                "source": {"type": "replay", "path": "current", "timestamp": options.timestamp, "rows": 1},
                "reference": {"type": "file", "path": "reference"},
                "columns": _columns(options, keys, facts, roles),
                "window": window,
                **keys,
            }
        )
    except ValidationError as error:
        raise ConfigurationError("\n".join(monitor_file.faults_of(error.errors()))) from error


def _roles(keys: Mapping[str, Any], facts: Sequence[ColumnFacts], timestamp: str | None) -> Roles:
    names = [column.name for column in facts]
    if timestamp is not None and timestamp not in names:
        raise ConfigurationError(
            f"timestamp: the reference has no column {timestamp!r}{nearest(timestamp, names)}; "
            f"it has {', '.join(names)}"
        )
    for key in ("target", "prediction", "score", "id"):
        if keys.get(key) is not None and keys[key] not in names:
            raise ConfigurationError(
                f"{key}: the reference has no column {keys[key]!r}{nearest(keys[key], names)}; "
                f"it has {', '.join(names)}"
            )
    target, prediction, score = (_role(keys.get(key)) for key in ("target", "prediction", "score"))
    if keys.get("task") is not None or target is None or (prediction is None and score is None):
        task = TaskName(keys["task"]) if keys.get("task") in set(TaskName) else None
        return Roles(target=target, prediction=prediction, score=score, task=task)
    return with_outputs(Roles(score=score), facts, target, prediction)


def _plain(value: Any) -> Any:
    # numpy's numbers, and containers of them, as Python's own.
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {_plain(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple | np.ndarray) else value


def _named_by_texts(columns: Mapping[str, Any] | None) -> Any:
    # A frame made of an array names its columns by numbers.
    if not isinstance(columns, dict):
        return columns
    return {str(name) if isinstance(name, int) else name: _plain(each) for name, each in columns.items()}


def _role(name: str | None) -> Role | None:
    return None if name is None else Role(name, "as given")


def _columns(
    options: Options, keys: Mapping[str, Any], facts: Sequence[ColumnFacts], roles: Roles
) -> Mapping[str, Any]:
    if options.columns is not None:
        return options.columns
    used = {options.timestamp, keys.get("id")}
    found = {column.name: kind_of(column, roles) for column in facts if column.name not in used}
    kept = {name: guess for name, guess in found.items() if guess.kind is not None}
    return {name: yaml.safe_load(f"{{kind: {guess.kind}, {guess.options}}}") for name, guess in kept.items()}
