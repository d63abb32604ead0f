"""Reads settings from environment variables; all start with TIDEGAUGE_ and are listed in `.env.example`."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.errors import ConfigurationError
from service.webhook.signature import key_of

PREFIX = "TIDEGAUGE_"
ENV_FILE = ".env"
MIN_KEY_BYTES = 24  # of a webhook's secret, by Standard Webhooks
SECRETS = {"database_url", "ingest_token", "webhook_url", "webhook_secret"}


def _postgres(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("expected postgresql://USER:PASSWORD@HOST/DATABASE")
    return url


def _web(url: SecretStr) -> SecretStr:
    try:
        TypeAdapter(AnyHttpUrl).validate_python(url.get_secret_value())
    except ValidationError:
        raise ValueError("expected a URL such as https://example.org/hook") from None
    return url


def _key(secret: SecretStr) -> SecretStr:
    try:
        long_enough = len(key_of(secret.get_secret_value())) >= MIN_KEY_BYTES
    except ValueError:
        raise ValueError("expected base64 after whsec_") from None
    if not long_enough:
        raise ValueError(f"expected {MIN_KEY_BYTES} bytes or more; `openssl rand -base64 32` makes one")
    return secret


class Settings(BaseSettings):
    """The service's settings; those of a monitor are in its file."""

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
    webhook_url: Annotated[SecretStr, AfterValidator(_web)] | None = None
    webhook_secret: Annotated[SecretStr, AfterValidator(_key)] | None = None
    reports_kept: int = Field(default=50, ge=0, le=10_000)
    retention_days: int | None = Field(default=None, ge=1, le=36_500)


def load() -> Settings:
    """Read the environment and `.env`.

    Raises ConfigurationError for a value that cannot be used, or an unknown variable with the prefix.
    """
    _refuse_unknown()
    try:
        found = Settings()
    except ValidationError as error:
        lines = [f"{PREFIX}{_shown(str(e['loc'][0]), e['input'])}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError("\n".join(lines)) from error
    if (found.webhook_url is None) is not (found.webhook_secret is None):
        raise ConfigurationError(
            f"{PREFIX}WEBHOOK_URL and {PREFIX}WEBHOOK_SECRET belong together; expected both or neither: "
            "without the signature a receiver cannot verify who sent an event"
        )
    return found


def _shown(name: str, value: object) -> str:
    return name.upper() if name in SECRETS else f"{name.upper()}={value!r}"


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
