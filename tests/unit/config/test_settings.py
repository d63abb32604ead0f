from __future__ import annotations

from pathlib import Path

import pytest

from service.config import settings
from service.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_set_gives_the_defaults() -> None:
    """A fresh machine needs no variable at all."""
    loaded = settings.load()
    assert (loaded.database_url, loaded.data_dir, loaded.http_port) == (None, Path(".data"), 8000)


def test_a_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment tunes the cycle."""
    monkeypatch.setenv("TIDEGAUGE_CYCLE_SECONDS", "0.5")
    assert settings.load().cycle_seconds == 0.5


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose passes every variable through, empty where it is not set."""
    monkeypatch.setenv("TIDEGAUGE_CYCLE_SECONDS", "")
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", "")
    assert settings.load() == settings.Settings()


def test_a_webhook_needs_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver must be able to tell that an event is ours."""
    monkeypatch.setenv("TIDEGAUGE_WEBHOOK_URL", "https://example.org/hook")
    with pytest.raises(ConfigurationError, match=r"WEBHOOK_SECRET belong together"):
        settings.load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WEBHOOK_SECRET", "hush"),
        ("WEBHOOK_SECRET", "whsec_?"),
        ("WEBHOOK_URL", "https://hush:port"),
        ("DATABASE_URL", "mysql://u:hush@h/d"),
    ],
)
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """A message about a secret names the variable and does not show its value."""
    monkeypatch.setenv(f"TIDEGAUGE_{variable}", value)
    with pytest.raises(ConfigurationError, match=rf"^TIDEGAUGE_{variable}: ") as caught:
        settings.load()
    assert "hush" not in str(caught.value)


def test_an_unknown_variable_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable stops the start instead of being ignored."""
    monkeypatch.setenv("TIDEGAUGE_CYCLE_SECOND", "1")
    with pytest.raises(
        ConfigurationError, match=r"TIDEGAUGE_CYCLE_SECOND: .* nearest is TIDEGAUGE_CYCLE_SECONDS"
    ):
        settings.load()


def test_an_unknown_variable_in_the_file_is_found_too(tmp_path: Path) -> None:
    """`.env` is held to the same names; what other programs read from it is left alone."""
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\nTIDEGAUGE_LOGLEVEL=info\n")
    with pytest.raises(ConfigurationError, match="TIDEGAUGE_LOG_LEVEL") as caught:
        settings.load()
    assert "POSTGRES" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("CYCLE_SECONDS", "fast"), ("CYCLE_SECONDS", "-1"), ("HTTP_PORT", "99999"), ("LOG_FORMAT", "xml")],
)
def test_a_value_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The message holds the variable and what was given."""
    monkeypatch.setenv(f"TIDEGAUGE_{name}", value)
    with pytest.raises(ConfigurationError, match=f"TIDEGAUGE_{name}='{value}'"):
        settings.load()


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    """The start ends with the variable's name, before anything listens."""
    monkeypatch.setenv("TIDEGAUGE_HTTP_PORT", port)
    with pytest.raises(ConfigurationError, match=f"TIDEGAUGE_HTTP_PORT='{port}'"):
        settings.load()
