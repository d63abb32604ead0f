"""Secrets that a monitor file names without holding them: of an environment variable, or a file.

A monitor file is read by people and kept in repositories, so a secret itself is refused in it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from dotenv import dotenv_values
from pydantic import BeforeValidator, SecretStr

EXPECTED = "expected the name of an environment variable, ${NAME}, or of a file, {file: PATH}"


def secret_of(written: Any) -> str | SecretStr:
    """Return the secret that is meant.

    Raises ValueError, which never holds what was written, where there is none.
    """
    if isinstance(written, SecretStr):
        return written
    if isinstance(written, dict):
        return _of_file(written)
    found = (
        re.fullmatch(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", written.strip()) if isinstance(written, str) else None
    )
    if found is None:
        raise ValueError(f"a secret is not written into a monitor file; {EXPECTED}")
    name = found[1]
    value = os.environ.get(name) or dotenv_values(".env").get(name)
    if not value:
        raise ValueError(f"the environment variable {name} is not set")
    return value


def _of_file(written: dict[Any, Any]) -> str:
    path = written.get("file")
    if set(written) != {"file"} or not isinstance(path, str):
        raise ValueError(f"a secret is not written into a monitor file; {EXPECTED}")
    try:
        value = Path(path).read_text().strip()  # a file of secrets often ends in a line break
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read: {type(error).__name__}") from None
    if not value:
        raise ValueError(f"{path}: is empty; expected the secret")
    return value


Secret = Annotated[SecretStr, BeforeValidator(secret_of)]
