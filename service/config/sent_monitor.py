"""Reads a monitor file that was sent, as one in the folder is read, and bounds what it may name on the disk.

It is complete by itself: `defaults.yaml` is the folder's. Its rows are sent as well, and its reference, where
it is a file, is one that an operator has put into `TIDEGAUGE_DATA_DIR/references`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import TypeAdapter, ValidationError

from service.config import monitor_file
from service.config.base import Name
from service.config.documents.document import MAX_BYTES, document_of
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.config.documents.document import Document
    from service.config.monitor import Monitor

    KeyPath = tuple[str | int, ...]

FOLDER = "references"
_VARIABLE = re.compile(r"\$\{|\{data_dir\}")
_NAME = TypeAdapter(Name)


def text_of(body: bytes) -> str:
    """Return a body as the text of a monitor file. Raises ConfigurationError where it cannot be one."""
    if len(body) > MAX_BYTES:
        raise ConfigurationError(
            f"the monitor file is larger than {MAX_BYTES // 1_000} kB; it holds a model's columns and "
            "thresholds: is this data?"
        )
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"the monitor file is not UTF-8 (byte {error.start}); expected UTF-8"
        ) from error
    if "\x00" in text:
        raise ConfigurationError("the monitor file holds a NUL character; expected YAML or JSON")
    return text


def read_sent(name: str, text: str, data_dir: Path) -> Monitor:
    """Return the monitor of a file that was sent for `name`.

    Raises ConfigurationError with one line per fault, as for a file of the folder, and where it names what a
    sent file may not: a source that is not sent to, a path elsewhere, a variable.
    """
    try:
        _NAME.validate_python(name)
    except ValidationError as error:
        raise ConfigurationError(
            f"no monitor can be named {name!r}: expected up to 63 letters, digits and . _ -, the first a "
            "letter or a digit"
        ) from error
    label = Path(f"{name}.yaml")
    own = _document(text, label)
    faults = [*_misnamed(own, name), *_variables(own)]
    if faults:
        raise ConfigurationError("\n".join(faults))
    _place_reference(own, data_dir / FOLDER)
    monitor = monitor_file.monitor_of(own, None, data_dir, name)
    if not monitor.source.keeps_sent_rows:
        line = own.lines.get(("source", "type"), 1)
        raise ConfigurationError(
            f"{label}:{line}: source.type: a monitor that is sent takes rows that are sent; expected 'http', "
            f"got {monitor.source.type!r}"
        )
    return monitor


def _document(text: str, label: Path) -> Document:
    try:
        return document_of(text, label)
    except ConfigurationError:
        # JSON that is no YAML: indented with tabs, or with escapes of its own.
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise
        return document_of(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), label)


def _misnamed(own: Document, name: str) -> Iterator[str]:
    given = own.content.get("name", name)
    if given != name:
        line = own.lines["name",]
        yield f"{own.path}:{line}: name: is {given!r}, and it was sent for {name!r}; expected one name"


def _variables(own: Document) -> Iterator[str]:
    for keys, value in _texts(own.content, ()):
        if _VARIABLE.search(value):
            line = own.lines.get(keys, 1)
            yield (
                f"{own.path}:{line}: {'.'.join(map(str, keys))}: a monitor that is sent names no variables "
                f"of the service; expected a value, got {value!r}"
            )


def _texts(content: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(content, str):
        yield path, content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _texts(value, (*path, key))
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from _texts(value, (*path, place))


def _place_reference(own: Document, folder: Path) -> None:
    """Put the reference's path into the folder of references. Raises ConfigurationError outside of it."""
    reference = own.content.get("reference")
    path = reference.get("path") if isinstance(reference, dict) else None
    if not isinstance(reference, dict) or not isinstance(path, str):
        return
    where = f"{own.path}:{own.lines.get(('reference', 'path'), 1)}: reference.path"
    inside = folder.resolve()
    try:
        found = (inside / path).resolve()
        is_file = found.is_file()
    except (OSError, RuntimeError, ValueError):
        found, is_file = inside, False
    if not is_file or not found.is_relative_to(inside):
        # The same words whether there is such a file elsewhere or not.
        raise ConfigurationError(
            f"{where}: the folder of references has no file {path!r}; expected the name of a file that the "
            f"operator put into TIDEGAUGE_DATA_DIR/{FOLDER}, or first_rows, or start and end, of what is sent"
        )
    reference["path"] = str(found)
