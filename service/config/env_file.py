"""The file `.env`: which variables it names, and what of it cannot be read."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def names_in(path: Path) -> list[str]:
    """Return the names that a file sets, none where there is no file.

    Raises ConfigurationError with a line per fault: a line that is left out would let a default hold.
    """
    try:
        text = path.read_bytes().decode() if path.exists() else ""
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: no UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error.strerror}; expected a file of lines NAME=VALUE, or none"
        ) from error
    faults, names = [], []
    for binding in parse_stream(StringIO(text)):
        where = f"{path}:{binding.original.line + _blank_lines(binding.original.string)}"
        if binding.error:
            faults.append(f"{where}: cannot be read; expected NAME=VALUE, and a quote that begins to end")
        elif binding.key is not None and binding.value is None:
            faults.append(f"{where}: {binding.key} has no value; expected {binding.key}=VALUE")
        elif binding.key is not None:
            names.append(binding.key)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return names


def _blank_lines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")
