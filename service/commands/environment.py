"""Read the settings that every command starts from, and configure the log as they say."""

from __future__ import annotations

from service.config import settings
from service.runtime import logs


def load_settings() -> settings.Settings:
    """Return the settings. Raises ConfigurationError with every variable that is wrong."""
    loaded = settings.load()
    logs.configure(log_format=loaded.log_format, level=loaded.log_level)
    return loaded
