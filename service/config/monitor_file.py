"""Reads monitor files; a fault names file, line and key, what was expected, and the nearest name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args

import yaml
from pydantic import ValidationError

from service.config.base import Section
from service.config.monitor import Monitor
from service.config.yaml_lines import dotted, located, walk
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

    KeyPath = tuple[str | int, ...]


def load_all(folder: Path, data_dir: Path) -> list[Monitor]:
    """Read every `*.yaml` of `folder`, in the order of their names; `{data_dir}` in a path is filled in.

    Raises ConfigurationError with one line per fault, over all files.
    """
    files = monitor_files(folder)
    monitors: list[Monitor] = []
    faults: list[str] = []
    for path in files:
        try:
            monitors.append(load(path, data_dir))
        except ConfigurationError as error:
            faults.append(str(error))
    names = [monitor.name for monitor in monitors]
    faults += [f"{folder}: two monitors are named {name}" for name in set(names) if names.count(name) > 1]
    if faults:
        raise ConfigurationError("\n".join(faults))
    return monitors


def monitor_files(folder: Path) -> list[Path]:
    """Return the monitor files of `folder`, in the order of their names.

    Raises ConfigurationError where there is no such folder or no such file in it.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: no such folder; set TIDEGAUGE_MONITORS_DIR to a folder of monitor files"
        )
    files = _files(folder)
    if not files:
        raise ConfigurationError(f"{folder}: no monitor file in it; expected at least one NAME.yaml")
    return files


def names(folder: Path) -> list[str]:
    """Return the names that monitor files have by their own, without reading them."""
    return [path.stem for path in _files(folder)] if folder.is_dir() else []


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})


def load(path: Path, data_dir: Path) -> Monitor:
    """Read one monitor file; the monitor's name is the file's unless it says another.

    Raises ConfigurationError with one line per fault: file, line, key, what was expected.
    """
    if not path.is_file():  # a named pipe would block
        raise ConfigurationError(f"{path}: is no regular file; expected a monitor file")
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigurationError(f"{path}:{line}: not valid YAML: {problem}") from error
    if root is None or not isinstance(content, dict):
        raise ConfigurationError(f"{path}:1: expected keys such as source, reference, columns and window")
    faults, lines = _lines(path, root)
    if faults:
        raise ConfigurationError("\n".join(faults))
    content.setdefault("name", path.stem)
    _complete(content, data_dir)
    try:
        return Monitor.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_fault(path, lines, e) for e in error.errors())) from error


def _complete(content: dict[str, Any], data_dir: Path) -> None:
    reference = content.get("reference")
    if isinstance(reference, dict):
        reference.setdefault("type", "file")
    for part in (content.get("source"), reference, content.get("labels")):
        if isinstance(part, dict) and isinstance(part.get("path"), str):
            part["path"] = part["path"].replace("{data_dir}", str(data_dir))


def _lines(path: Path, root: yaml.Node) -> tuple[list[str], dict[KeyPath, int]]:
    lines: dict[KeyPath, int] = {(): 1}
    faults = []
    for keys, line in walk(root):
        if keys in lines and keys:
            faults.append(f"{path}:{line}: {dotted(keys)}: duplicate key (first on line {lines[keys]})")
        lines.setdefault(keys, line)
    return faults, lines


def _fault(path: Path, lines: dict[KeyPath, int], error: ErrorDetails) -> str:
    keys = _written(error["loc"], lines)
    message = error["msg"].removeprefix("Value error, ")
    if not keys and ": " in message:  # a check over several keys names its own
        named, message = message.split(": ", 1)
        keys = _named(named.split("."), lines)
    if error["type"] == "extra_forbidden":
        message = f"no such key; the nearest is {_nearest(keys[-1], _known_keys(error['loc'][:-1]))}"
    elif error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        keys, message = (*keys, "type"), _unknown_kind(error)
    elif error["type"] == "missing":
        message = "is missing"
    elif error["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        message = f"expected keys with values, such as {{key: value}}, got {error['input']!r}"
    elif error["type"] in {"enum", "literal_error"}:
        message = f"{message[0].lower()}{message[1:]}, got {error['input']!r}"
    return located(str(path), lines, keys, message)


def _written(location: KeyPath, lines: dict[KeyPath, int]) -> KeyPath:
    # Where `type` chooses the section, pydantic's location holds the type, which is no key of the file.
    keys: KeyPath = ()
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if (*keys, part) in lines or last:
            keys = (*keys, part)
    return keys


def _named(parts: list[str], lines: dict[KeyPath, int]) -> KeyPath:
    # A list's items are numbered in the file's lines; a mapping's key may read as a number as well.
    keys: KeyPath = ()
    for part in parts:
        numbered = part.isdecimal() and (*keys, part) not in lines
        keys = (*keys, int(part) if numbered else part)
    return keys


def _unknown_kind(error: ErrorDetails) -> str:
    known = sorted(kind for section in _sections_at(error["loc"]) for kind in _kinds(section))
    expected = f"expected one of {', '.join(map(repr, known))}"
    if error["type"] == "union_tag_not_found":
        return f"is missing; {expected}"
    given = error["ctx"]["tag"]
    return f"{expected}, got {given!r}; the nearest is {_nearest(given, known)!r}"


def _known_keys(location: KeyPath) -> set[str]:
    return {name for section in _sections_at(location) for name in section.model_fields}


def _sections_at(location: KeyPath) -> list[type[Section]]:
    """Return the sections that may stand at pydantic's `location`, one of each kind where `type` chooses."""
    found: list[type[Section]] = [Monitor]
    for part in location:
        fields = [section.model_fields[str(part)] for section in found if part in section.model_fields]
        if fields:
            found = [section for field in fields for section in _sections_in(field.annotation)]
        else:  # the chosen type, or a name or number in a mapping or list of sections
            found = [section for section in found if part in _kinds(section)] or found
    return found


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)


def _kinds(section: type[Section]) -> tuple[str, ...]:
    return get_args(section.model_fields["type"].annotation) if "type" in section.model_fields else ()


def _nearest(name: object, known: Iterable[str]) -> str:
    return difflib.get_close_matches(str(name), sorted(known), n=1, cutoff=0.0)[0]
