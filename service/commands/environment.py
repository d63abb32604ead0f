"""Read what commands start from: the settings, by which the log is configured, and the monitor files."""

from __future__ import annotations

from service.config import settings
from service.config.monitor_folder import MonitorFolder, read_folder
from service.runtime import logs


def load_settings() -> settings.Settings:
    """Return the settings. Raises ConfigurationError with every variable that is wrong."""
    loaded = settings.load()
    logs.configure(log_format=loaded.log_format, level=loaded.log_level)
    return loaded


def read_files(of: settings.Settings) -> MonitorFolder:
    """Return what the monitor files define; nothing where no folder is named and the default is not there.

    A command about what the database holds can be run on a machine without the service's files. Raises
    ConfigurationError where the folder that is named is not there, or one cannot be read.
    """
    if "monitors_dir" not in of.model_fields_set and not of.monitors_dir.exists():
        return MonitorFolder()
    return read_folder(of.monitors_dir, of.data_dir)
