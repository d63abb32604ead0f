"""Reads scenario files; a fault names file, line and key, what was expected, and the nearest name."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from service.config.yaml_lines import dotted, located, walk
from service.errors import ConfigurationError
from simulator.changes.registry import CHANGES
from simulator.changes.span import Options, Since
from simulator.scenario import Scenario, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

    Keys = tuple[str | int, ...]

SHIPPED = Path(__file__).with_name("scenarios")
Model = TypeVar("Model", bound=BaseModel)
HEADLINE = "expected the keys timestamp and changes"


class ScenarioConfig(Options):
    """Schema of a scenario file, except for the keys of each change."""

    description: str = ""
    seed: int = Field(default=0, ge=0)
    timestamp: str
    prediction: str | None = None
    target: str | None = None
    id: str | None = None
    arrival: str = "arrived_at"
    changes: list[dict[str, Any]] = Field(min_length=1)


def shipped() -> dict[str, Path]:
    """Return the shipped scenarios, which are for the flights demo, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find(name: str) -> Path:
    """Return the path of a scenario: that of a file, or of a shipped scenario by its name.

    Raises ConfigurationError with the nearest name where it is neither.
    """
    path, known = Path(name), shipped()
    if path.is_file() or path.suffix in {".yaml", ".yml"}:
        return path
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    raise ConfigurationError(
        f"{name}: no such file and no shipped scenario of that name; the nearest is {near[0]!r}, "
        f"all are: {', '.join(known)}"
    )


def load(path: Path) -> Scenario:
    """Read a scenario file; raises ConfigurationError with one line per fault: file, line, key, expected."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}; expected a scenario file") from error


def parse(text: str, name: str) -> Scenario:
    """Return the scenario in `text`; `name` is the file's name in messages.

    Raises ConfigurationError as `load` does.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigurationError(f"{name}:{line}: not valid YAML: {problem}") from error
    if root is None or not isinstance(content, dict):
        raise ConfigurationError(f"{name}:1: {HEADLINE}")
    lines: dict[Keys, int] = {(): 1}
    faults = [
        located(name, lines, keys, f"duplicate key (first on line {first})")
        for keys, first in _repeated(root, lines)
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))
    config = _checked(ScenarioConfig, content, (), name, lines)
    steps, faults = [], []
    for index, change in enumerate(config.changes):
        try:
            steps.append(_step(change, ("changes", index), name, lines))
        except ConfigurationError as error:
            faults.append(str(error))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return Scenario(
        timestamp=config.timestamp,
        steps=tuple(steps),
        seed=config.seed,
        prediction=config.prediction,
        target=config.target,
        identity=config.id,
        arrival=config.arrival,
        place=name,
    )


def _step(content: dict[str, Any], keys: Keys, name: str, lines: Mapping[Keys, int]) -> Step:
    options = dict(content)
    kind = options.pop("change", None)
    if not isinstance(kind, str) or kind not in CHANGES:
        got = f"no change {kind!r}" if kind is not None else "is missing"
        near = difflib.get_close_matches(str(kind), CHANGES, n=1, cutoff=0.0)
        hint = f"; the nearest is {near[0]!r}" if near and kind is not None else ""
        expected = f"{got}{hint}; expected one of: {', '.join(CHANGES)}"
        raise ConfigurationError(located(name, lines, (*keys, "change"), expected))
    place = f"{name}:{lines[keys]}: {dotted(keys)}"
    return Step(kind, _checked(CHANGES[kind].options, options, keys, name, lines), place)


def _checked(
    model: type[Model], content: dict[str, Any], keys: Keys, name: str, lines: Mapping[Keys, int]
) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [_fault(e, model, keys, name, lines) for e in error.errors()]
        raise ConfigurationError("\n".join(faults)) from error


def _fault(
    error: ErrorDetails, model: type[BaseModel], keys: Keys, name: str, lines: Mapping[Keys, int]
) -> str:
    message = error["msg"].removeprefix("Value error, ")
    location = (*keys, *error["loc"])
    if error["type"] == "extra_forbidden":
        known = [field.alias or key for key, field in model.model_fields.items()]
        if issubclass(model, Since):
            known.append("change")
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.0)
        message = f"no such key; the nearest is {near[0]!r}, all are: {', '.join(known)}"
    elif error["type"] == "missing":
        message = "is missing"
    elif not error["type"].startswith("value_error"):
        message = f"{message[0].lower()}{message[1:]}, got {error['input']!r}"
    return located(name, lines, location, message)


def _repeated(root: yaml.Node, lines: dict[Keys, int]) -> Iterator[tuple[Keys, int]]:
    """Store every key's line in `lines`; yield each duplicate key and the line before."""
    for keys, line in walk(root):
        before = lines.get(keys)
        lines[keys] = line
        if before is not None:
            yield keys, before
