"""Reads settings from environment variables; all start with TIDEGAUGE_ and are listed in `.env.example`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.config.access import Networks, Scopes, Words, header_name, is_loopback
from service.config.database_url import check_database_url
from service.config.env_file import names_in
from service.config.nearest import nearest
from service.core.access import Scope
from service.errors import ConfigurationError
from service.webhook.signature import key_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "TIDEGAUGE_"
ENV_FILE = ".env"
MIN_KEY_BYTES = 24  # of a webhook's secret, by Standard Webhooks
MIN_HASH_KEY_CHARACTERS = 16
MAX_WORKERS = 32
SECRETS = {"database_url", "hash_key", "ingest_token", "webhook_url", "webhook_secret"}
TOGETHER = (
    ("webhook_url", "webhook_secret", "without the signature a receiver cannot verify who sent an event"),
    ("tls_cert", "tls_key", "a certificate is of use with its key alone"),
    ("proxy_header", "trusted_proxies", "anyone can send a header, and only those of a proxy are believed"),
)


def _postgres(url: SecretStr) -> SecretStr:
    plain = url.get_secret_value().strip()  # a file of secrets often ends in a line break
    check_database_url(plain)
    return SecretStr(plain)


def _stripped(token: SecretStr) -> SecretStr:
    return SecretStr(token.get_secret_value().strip())


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


def _hash_key(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < MIN_HASH_KEY_CHARACTERS:
        raise ValueError(
            f"expected {MIN_HASH_KEY_CHARACTERS} characters or more; `openssl rand -base64 32` makes one"
        )
    return key


class Settings(BaseSettings):
    """The service's settings; those of a monitor are in its file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    database_statement_cache: int | None = Field(default=None, ge=0, le=10_000)
    hash_key: Annotated[SecretStr, AfterValidator(_hash_key)] | None = None
    data_dir: Path = Path(".data")
    cycle_seconds: float | None = Field(default=None, ge=0, le=86_400)
    max_cycles: int | None = Field(default=None, ge=1)
    monitors_dir: Path = Path("config/monitors")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65_535)
    published_host: str | None = None
    open: bool = False
    metrics_open: bool = True
    http_names: Words = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    proxy_header: Annotated[str, AfterValidator(header_name)] | None = None
    trusted_proxies: Networks = ()
    proxy_scopes: Scopes = frozenset({Scope.READ})
    ingest_token: Annotated[SecretStr, AfterValidator(_stripped)] | None = None
    tokens_kept_hours: float = Field(default=168, ge=1, le=8_760)
    sent_monitors: bool = False
    spool_mb: int = Field(default=512, ge=16, le=1_000_000)
    backlog_rows: int = Field(default=2_000_000, ge=1, le=1_000_000_000)
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    webhook_url: Annotated[SecretStr, AfterValidator(_web)] | None = None
    webhook_secret: Annotated[SecretStr, AfterValidator(_key)] | None = None
    reports_kept: int = Field(default=50, ge=0, le=10_000)
    retention_days: int | None = Field(default=None, ge=1, le=36_500)
    lease_seconds: float = Field(default=10.0, ge=1, le=3_600)
    workers: int = Field(default=1, ge=1, le=MAX_WORKERS)

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for a token: only this machine reaches it, or the settings say so."""
        reached_at = self.http_host if self.published_host is None else self.published_host
        return self.open or is_loopback(reached_at)


def load() -> Settings:
    """Read the environment and `.env`.

    Raises ConfigurationError for a value that cannot be used, or an unknown variable with the prefix.
    """
    _refuse_unknown()
    try:
        found = Settings()
    except ValidationError as error:
        lines = [f"{PREFIX}{_shown(str(e['loc'][0]), e['input'])}: {_message(e)}" for e in error.errors()]
        raise ConfigurationError("\n".join(lines)) from None  # it holds what was given, secrets included
    for one, other, why in TOGETHER:
        if bool(getattr(found, one)) is not bool(getattr(found, other)):
            raise ConfigurationError(
                f"{PREFIX}{one.upper()} and {PREFIX}{other.upper()} belong together; expected both or "
                f"neither: {why}"
            )
    return found


def _message(error: ErrorDetails) -> str:
    return error["msg"].removeprefix("Value error, ")


def _shown(name: str, value: object) -> str:
    return name.upper() if name in SECRETS else f"{name.upper()}={value!r}"


def _refuse_unknown() -> None:
    known = {name.upper() for name in Settings.model_fields}
    given = {name for name in (*os.environ, *names_in(Path(ENV_FILE))) if name.upper().startswith(PREFIX)}
    messages = []
    for name in sorted(given):
        own = name.upper().removeprefix(PREFIX)
        if own in known:
            continue
        close = nearest(own, known)
        hint = (
            f"expected one of: {', '.join(sorted(known))}"
            if close is None
            else f"the nearest is {PREFIX}{close}"
        )
        messages.append(f"{name}: no such variable; {hint}")
    if messages:
        raise ConfigurationError("\n".join(messages))
