"""Reads monitor files; a fault names file, line and key, what was expected, and the nearest name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from service.config.base import Section
from service.config.documents.defaults import FILE_NAMES, Place, merged, read_defaults
from service.config.documents.document import Document, read_document
from service.config.monitor import Monitor
from service.config.nearest import nearest, suggestion
from service.config.yaml_lines import dotted, located
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

    KeyPath = tuple[str | int, ...]

_INIT = " (`tidegauge init DATA` writes one)"
SUFFIXES = {".yaml", ".yml"}


def load_all(folder: Path, data_dir: Path) -> list[Monitor]:
    """Read every `*.yaml` of `folder`, in the order of their names; `{data_dir}` in a path is filled in.

    Hidden files and editors' backups are no monitors, nor is `defaults.yaml`, which holds what they share.
    Raises ConfigurationError with one line per fault, over all files.
    """
    monitors, faults = load_each(folder, data_dir)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return monitors


def load_each(folder: Path, data_dir: Path) -> tuple[list[Monitor], list[str]]:
    """Read every `*.yaml` of `folder`; return the valid files' monitors, and one line per fault of others."""
    try:
        files = monitor_files(folder)
    except ConfigurationError as error:
        return [], str(error).splitlines()
    faults: list[str] = []
    monitors: list[tuple[Path, Monitor]] = []
    try:
        shared, broken = read_defaults(folder), False
    except ConfigurationError as error:
        shared, broken = None, True
        faults += [str(error), f"{folder}: its monitors were not checked, since they share that file"]
    for path in files:
        try:
            own = read_document(path)
            if not broken:
                monitors.append((path, monitor_of(own, shared, data_dir, path.stem)))
        except ConfigurationError as error:
            faults += str(error).splitlines()
    faults += _same_names(monitors)
    return [monitor for _, monitor in monitors], list(dict.fromkeys(faults))


def monitor_files(folder: Path) -> list[Path]:
    """Return the monitor files of `folder`, in the order of their names.

    Raises ConfigurationError where there is no such folder or no such file in it.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "no such folder"
        raise ConfigurationError(
            f"{folder}: {what}; set TIDEGAUGE_MONITORS_DIR to a folder of monitor files{_INIT}"
        )
    try:
        files = sorted(path for path in folder.iterdir() if _is_monitor(path.name))
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be read: {error.strerror}") from error
    if not files:
        raise ConfigurationError(f"{folder}: no monitor file in it; expected at least one NAME.yaml{_INIT}")
    return files


def names(folder: Path) -> list[str]:
    """Return the names that monitor files have by their own, without reading them."""
    return (
        [path.stem for path in sorted(folder.iterdir()) if _is_monitor(path.name)] if folder.is_dir() else []
    )


def load(path: Path, data_dir: Path) -> Monitor:
    """Read one monitor file; the monitor's name is the file's unless it says another.

    What it lacks comes from `defaults.yaml` in the same folder. Raises ConfigurationError with one line per
    fault: file, line, key, what was expected.
    """
    return monitor_of(read_document(path), read_defaults(path.parent), data_dir, path.stem)


def _is_monitor(name: str) -> bool:
    suffix = name[name.rfind(".") :].lower()
    return suffix in SUFFIXES and not name.startswith(".") and name not in FILE_NAMES


def _same_names(monitors: Iterable[tuple[Path, Monitor]]) -> list[str]:
    files: dict[str, list[str]] = {}
    for path, monitor in monitors:
        files.setdefault(monitor.name, []).append(str(path))
    return [
        f"{' and '.join(paths)}: two monitors are named {name}; expected another `name:` in one of them"
        for name, paths in files.items()
        if len(paths) > 1
    ]


def monitor_of(own: Document, shared: Document | None, data_dir: Path, name: str) -> Monitor:
    """Return the monitor of a file, with what it lacks from the `shared` one.

    It is named `name` where it does not name itself. Raises ConfigurationError with one line per fault.
    """
    content, places = merged(own, shared)
    content.setdefault("name", name)
    _complete(content, data_dir)
    try:
        return Monitor.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_faults(places, error.errors()))) from error


def _faults(places: Mapping[KeyPath, Place], errors: Iterable[ErrorDetails]) -> Iterator[str]:
    """Yield a line per fault; of the ways in which a value could be read, the furthest counts."""
    found = [(_written(error, places), error) for error in errors]
    for keys, error in found:
        further = any(len(other) > len(keys) > 0 and other[: len(keys)] == keys for other, _ in found)
        if not further:
            yield _fault(places, keys, error)


def _complete(content: dict[str, Any], data_dir: Path) -> None:
    reference = content.get("reference")
    if isinstance(reference, dict):
        reference.setdefault("type", "file")
    for part in (content.get("source"), reference, content.get("labels")):
        if isinstance(part, dict) and isinstance(part.get("path"), str):
            part["path"] = part["path"].replace("{data_dir}", str(data_dir))


def _fault(places: Mapping[KeyPath, Place], keys: KeyPath, error: ErrorDetails) -> str:
    keys, message = _worded(places, keys, error)
    place = next(places[keys[:end]] for end in range(len(keys), -1, -1) if keys[:end] in places)
    return located(str(place.path), {(): place.line}, keys, message)


def faults_of(errors: Iterable[ErrorDetails]) -> Iterator[str]:
    """Yield a line per fault of a monitor that lies in no file: the key, and what was expected."""
    for error in errors:
        keys, message = _worded({}, error["loc"], error)
        yield f"{dotted(keys)}: {message}" if keys else message


def _worded(places: Mapping[KeyPath, Place], keys: KeyPath, error: ErrorDetails) -> tuple[KeyPath, str]:
    message = error["msg"].removeprefix("Value error, ")
    if not keys and ": " in message:  # a check over several keys names its own
        named, message = message.split(": ", 1)
        keys = _named(named.split("."), places)
    if error["type"] == "extra_forbidden":
        message = f"no such key; {suggestion(keys[-1], _known_keys(error['loc'][:-1]))}"
    elif error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        keys, message = (*keys, "type"), _unknown_kind(error)
    elif error["type"] == "missing":
        message = "is missing"
    elif error["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        message = f"expected keys with values, such as {{key: value}}, got {error['input']!r}"
    elif error["type"] == "dataclass_type":  # a label as it is written
        message = f'expected one label, such as "yes", got {error["input"]!r}'
    elif error["type"] in {"enum", "literal_error", "finite_number"}:
        message = f"{message[0].lower()}{message[1:]}, got {error['input']!r}{_near_word(error)}"
    return keys, message


def _written(error: ErrorDetails, places: Mapping[KeyPath, Place]) -> KeyPath:
    # Pydantic's location also holds which of several forms a value was read as, which is no key of the file.
    keys: KeyPath = ()
    *within, last = error["loc"] or ("",)
    for at, part in enumerate(within):
        if (*keys, part) in places and not _chooses(part, _sections_at(tuple(within[:at]))):
            keys = (*keys, part)
    is_key = (*keys, last) in places or last in _known_keys(tuple(within))
    return (*keys, last) if is_key else keys


def _named(parts: list[str], places: Mapping[KeyPath, Place]) -> KeyPath:
    # A list's items are numbered in the file's lines; a mapping's key may read as a number as well.
    keys: KeyPath = ()
    for part in parts:
        numbered = part.isdecimal() and (*keys, part) not in places
        keys = (*keys, int(part) if numbered else part)
    return keys


def _unknown_kind(error: ErrorDetails) -> str:
    known = sorted(kind for section in _sections_at(error["loc"]) for kind in _kinds(section))
    expected = f"expected one of {', '.join(map(repr, known))}"
    if error["type"] == "union_tag_not_found":
        return f"is missing; {expected}"
    given = error["ctx"]["tag"]
    close = nearest(given, known)
    return f"{expected}, got {given!r}" + ("" if close is None else f"; the nearest is {close!r}")


def _near_word(error: ErrorDetails) -> str:
    # The nearest of the words that a key may have, where it is one of few words.
    expected = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    close = nearest(error["input"], expected) if isinstance(error["input"], str) else None
    return "" if close is None else f"; the nearest is {close!r}"


def _known_keys(location: KeyPath) -> set[str]:
    return {name for section in _sections_at(location) for name in section.model_fields}


def _sections_at(location: KeyPath) -> list[type[Section]]:
    """Return the sections that may stand at pydantic's `location`, one of each kind where `type` chooses."""
    found: list[type[Section]] = [Monitor]
    for part in location:
        fields = [section.model_fields[str(part)] for section in found if part in section.model_fields]
        if fields and not _chooses(part, found):
            found = [section for field in fields for section in _sections_in(field.annotation)]
        else:  # the chosen type, or a name or number in a mapping or list of sections
            found = [section for section in found if part in _kinds(section)] or found
    return found


def _chooses(part: int | str, sections: Sequence[type[Section]]) -> bool:
    """Return whether `part` is the type that chooses one of `sections`, such as the source `table`.

    That source has a key of the same name.
    """
    return len(sections) > 1 and any(part in _kinds(section) for section in sections)


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)


def _kinds(section: type[Section]) -> tuple[str, ...]:
    return get_args(section.model_fields["type"].annotation) if "type" in section.model_fields else ()
