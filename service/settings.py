"""What the environment may tune: every variable starts with TIDEGAUGE_ and is listed in `.env.example`."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.errors import ConfigurationError

PREFIX = "TIDEGAUGE_"
ENV_FILE = ".env"


def _postgres(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("expected postgresql://USER:PASSWORD@HOST/DATABASE")
    return url


class Settings(BaseSettings):
    """The service's variables; a monitor's own settings are in its file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    data_dir: Path = Path(".data")
    cycle_seconds: float | None = Field(default=None, ge=0, le=86_400)
    max_cycles: int | None = Field(default=None, ge=1)
    monitors_dir: Path = Path("config/monitors")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65_535)
    ingest_token: SecretStr | None = None
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    retention_days: int | None = Field(default=None, ge=1, le=36_500)


def load() -> Settings:
    """Read the environment and `.env`.

    Raises ConfigurationError for a value that cannot be used, or an unknown variable with the prefix.
    """
    _refuse_unknown()
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{PREFIX}{str(e['loc'][0]).upper()}={e['input']!r}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError("\n".join(lines)) from error


def _refuse_unknown() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    given = {name for name in (*os.environ, *dotenv_values(ENV_FILE)) if name.upper().startswith(PREFIX)}
    messages = []
    for name in sorted(given):
        if name.upper() in known:
            continue
        nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)
        messages.append(f"{name}: no such variable; the nearest is {nearest[0]}")
    if messages:
        raise ConfigurationError("\n".join(messages))
