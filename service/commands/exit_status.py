"""The exit statuses of the command line."""

from __future__ import annotations

CLEAN = 0
FAILED = 1
MISCONFIGURED = 2
INTERRUPTED = 130  # as a shell reports a process that Ctrl-C ended
