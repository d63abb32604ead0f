"""Reads a YAML file that a person wrote; each fault names file, line and key, and what to write instead."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from service.config import written
from service.config.documents.bounds import BoundsError, check_bounds
from service.config.yaml_lines import dotted, walk
from service.core.rows.label_text import composed_name
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    KeyPath = tuple[str | int, ...]

MAX_BYTES = 250_000
SHOWN = 30  # characters of a value

# Of PyYAML, where a tag says what its value is not.
CONSTRUCTION_ERRORS = (ValueError, OverflowError, TypeError, AttributeError, LookupError)
_TAG = "tag:yaml.org,2002:"
_READ_AS = {
    "bool": "a truth value",
    "int": "a number",
    "float": "a number",
    "null": "nothing (null)",
    "timestamp": "a date",
}
_OTHER_BASE = re.compile(r"[+-]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")  # octal, sexagesimal
_NUMBERS_AND_TRUTH = {"bool", "int", "float"}
# Files that Windows' editors write, by their first bytes.
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file that holds one mapping.

    - `path`: the file.
    - `content`: what it says; keys are texts, but for class labels under `scores`.
    - `lines`: the line of every key and list item, counted from 1; that of the whole file under ().
    """

    path: Path
    content: dict[str, Any]
    lines: dict[KeyPath, int]


def read_document(path: Path) -> Document:
    """Read one file.

    Raises ConfigurationError with one line per fault: file, line, key, what was expected.
    """
    return document_of(_text(path), path)


def document_of(text: str, path: Path) -> Document:
    """Read the text of a file; `path` is by what its faults name it.

    Raises ConfigurationError as `read_document` does.
    """
    try:
        check_bounds(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except BoundsError as error:
        raise ConfigurationError(f"{path}:{error.line}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(_not_yaml(path, text, error)) from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{path}:1: expected keys such as source, reference, columns and window")
    lines, faults = _lines(path, root)
    faults += _odd_keys(path, root) + _odd_values(path, root)
    if faults:
        raise ConfigurationError("\n".join(dict.fromkeys(faults)))
    try:
        content = written.load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(_not_yaml(path, text, error)) from error
    except CONSTRUCTION_ERRORS as error:  # what a tag such as !!bool or !!binary asks for
        raise ConfigurationError(f"{path}:1: not valid YAML: {error}") from error
    return Document(path, composed(content), lines)


def composed(content: Any, *, key: Any = None) -> Any:
    """Return what a file says with its texts in Unicode's composed form, as names of columns are read.

    Paths stay as they are written: a file system tells two spellings of an accent apart.
    """
    if isinstance(content, str):
        return content if key == "path" else composed_name(content)
    if isinstance(content, list):
        return [composed(each) for each in content]
    if not isinstance(content, dict):
        return content
    return {composed(name): composed(value, key=name) for name, value in content.items()}


def _composed_path(keys: KeyPath) -> KeyPath:
    return tuple(composed(key) for key in keys)


def _text(path: Path) -> str:
    content = _bytes(path)
    if content.startswith(_WIDE):
        raise ConfigurationError(f"{path}:1: is UTF-16 or UTF-32; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path}:{line}: is not UTF-8 (byte {content[error.start]:#04x}); save it as UTF-8"
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        # Not to wait for whoever may write into a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", closefd=True) as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigurationError(f"{path}: is {_what(mode)}; expected a file")
            content = file.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise ConfigurationError(f"{path}: is a folder; expected a file") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {_why(error)}") from error
    if len(content) > MAX_BYTES:
        raise ConfigurationError(
            f"{path}: is larger than {MAX_BYTES // 1_000} kB; a monitor file holds a model's columns and "
            "thresholds: is this a file of data?"
        )
    return content


def _what(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((name for is_one, name in kinds if is_one(mode)), "a device")


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link that leads back to itself"
    if error.errno == errno.ENOENT:
        return "there is no such file (a symbolic link to one that is gone?)"
    if error.errno == errno.EACCES:
        return "this user may not read it; give it the right, such as by chmod a+r"
    return error.strerror or type(error).__name__


def _not_yaml(path: Path, text: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None)
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"{path}:{line}: not valid YAML: the character {error.character!r} is not allowed in it"
    line = mark.line + 1 if mark else 1
    hint = "; indent with spaces, not with tabs" if "\\t" in str(problem) else ""
    return f"{path}:{line}: not valid YAML: {problem or ' '.join(str(error).split())}{hint}"


def _lines(path: Path, root: yaml.Node) -> tuple[dict[KeyPath, int], list[str]]:
    lines: dict[KeyPath, int] = {(): 1}
    faults = []
    for written_keys, line in walk(root):
        keys = _composed_path(written_keys)
        if keys in lines:
            faults.append(f"{path}:{line}: {dotted(keys)}: duplicate key (first on line {lines[keys]})")
        lines.setdefault(keys, line)
    return lines, faults


def _odd_keys(path: Path, root: yaml.Node) -> list[str]:
    faults = []
    for parent, key in _keys(root, ()):
        kind = str(key.tag).removeprefix(_TAG)
        where = f"{path}:{key.start_mark.line + 1}: "
        if not isinstance(key, yaml.ScalarNode):
            faults.append(
                f"{where}{dotted(parent) + ': ' if parent else ''}a key is a list or a mapping; expected text"
            )
        elif kind in _READ_AS and not (parent == ("scores",) and kind in _NUMBERS_AND_TRUTH):
            written = key.value or "(an empty key)"
            faults.append(
                f"{where}{dotted((*parent, written))}: YAML reads the key {written} as {_READ_AS[kind]}; "
                f'put it in quotes: "{key.value}"'
            )
    return faults


def _keys(node: yaml.Node, path: KeyPath) -> Iterator[tuple[KeyPath, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield path, key
            yield from _keys(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _keys(value, (*path, index))


def _odd_values(path: Path, root: yaml.Node) -> list[str]:
    """Return the faults of values that look like a date or a number and are none, such as 2024-02-30."""
    faults, build = [], yaml.SafeLoader("")
    for keys, node in _scalars(root, ()):
        kind = str(node.tag).removeprefix(_TAG)
        if kind not in {"timestamp", "int", "float", "bool"}:
            continue
        try:
            build.construct_object(node)
        except (*CONSTRUCTION_ERRORS, yaml.YAMLError):
            shown = node.value if len(node.value) <= SHOWN else f"{node.value[:SHOWN]}..."
            faults.append(
                f"{path}:{node.start_mark.line + 1}: {dotted(keys)}: {shown} is no {_READ_AS[kind][2:]} that "
                "exists; correct it, or put it in quotes where it is a text"
            )
            continue
        if node.style is None and _OTHER_BASE.fullmatch(node.value) and not written.is_label(keys):
            faults.append(
                f"{path}:{node.start_mark.line + 1}: {dotted(keys)}: YAML reads {node.value} as "
                f"{build.construct_object(node)}; write that, or the number without zeros and colons, or "
                f'"{node.value}" where it is a text'
            )
    return faults


def _scalars(node: yaml.Node, path: KeyPath) -> Iterator[tuple[KeyPath, yaml.ScalarNode]]:
    if isinstance(node, yaml.ScalarNode):
        yield path, node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _scalars(value, (*path, index))
