"""Which commands exist: parsing and exit status only.

Exit status: 0 after a clean stop, 2 for bad configuration, 1 otherwise. Commands import what they need, so
that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from service import __version__
from service.commands.metrics import measurements
from service.commands.migrate import migrate_database, reader_statements
from service.errors import ConfigurationError, TidegaugeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.config.settings import Settings

CLEAN, FAILED, MISCONFIGURED = 0, 1, 2
# A shell's status for a process ended by Ctrl-C.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (the process's own where None) name; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except ConfigurationError as error:
        _complain(str(error))
        return MISCONFIGURED
    except TidegaugeError as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLEAN
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegauge", description="Watches machine-learning models in production."
    )
    parser.add_argument("--version", action="version", version=f"tidegauge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="watch every monitor until Ctrl-C")
    run.add_argument("--max-cycles", type=_positive, metavar="N", help="stop after N cycles a monitor")
    run.set_defaults(command=_run)

    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.add_argument(
        "--reader-sql",
        action="store_true",
        help="print the SQL by which an administrator makes the role that dashboards read with; change nothing",
    )
    migrate.set_defaults(command=_migrate)

    psql = commands.add_parser("psql", help="open the embedded database as the role that may only read")
    psql.add_argument("--print", action="store_true", dest="print_only", help="only print its URL")
    psql.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="psql's own, after --")
    psql.set_defaults(command=_psql)

    check = commands.add_parser("check", help="validate every monitor file and the database")
    check.set_defaults(command=_check)

    metrics = commands.add_parser("metrics", help="print what was measured")
    for name in ("monitor", "aspect", "column", "segment", "metric"):
        metrics.add_argument(f"--{name}", metavar="NAME", help=f"only this {name}")
    metrics.add_argument(
        "--since", type=_instant, metavar="TIME", help="only what was measured since this ISO time"
    )
    metrics.add_argument("--format", choices=("table", "csv", "json"), default="table")
    metrics.set_defaults(command=_metrics)

    report = commands.add_parser("report", help="have Evidently draw its report of a window")
    report.add_argument("--monitor", required=True, metavar="NAME", help="whose window")
    report.add_argument("--window", type=_positive, metavar="ID", help="which window (default: the newest)")
    report.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it (default: NAME-ID.html)"
    )
    report.set_defaults(command=_report)
    return parser


def _run(options: argparse.Namespace) -> int:
    settings = _settings()
    from service.config import monitor_file

    monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    from service.wiring import app

    limit = options.max_cycles or settings.max_cycles
    return asyncio.run(app.run(settings, monitors, max_cycles=limit))


def _psql(options: argparse.Namespace) -> int:
    settings = _settings()
    from service.commands import psql

    return psql.execute(settings, options.arguments, print_only=options.print_only)


def _migrate(options: argparse.Namespace) -> int:
    settings = _settings()
    if options.reader_sql:
        print(reader_statements(settings), end="")
        return CLEAN
    for name in asyncio.run(migrate_database(settings)):
        print(f"applied {name}")
    print("the schema is up to date")
    return CLEAN


def _check(_options: argparse.Namespace) -> int:
    settings = _settings()
    from service.commands import check as checking

    found = asyncio.run(checking.check(settings))
    for fault in found.faults:
        _complain(fault)
    for note in found.notes:
        print(f"note: {note}")
    if not found.faults:
        print("all is well: every monitor file, every file that they name, and the database")
    return MISCONFIGURED if found.faults else CLEAN


def _metrics(options: argparse.Namespace) -> int:
    settings = _settings()
    from service.commands import metrics_output

    names = ("monitor", "aspect", "column", "segment", "metric", "since")
    filters = {name: getattr(options, name) for name in names}
    rows = asyncio.run(measurements(settings, **filters))
    metrics_output.write(rows, options.format, sys.stdout)
    return CLEAN


def _report(options: argparse.Namespace) -> int:
    settings = _settings()
    from service.commands import report as report_command

    window, page = asyncio.run(report_command.report(settings, options.monitor, options.window))
    path = options.output or Path(f"{options.monitor}-{window}.html")
    path.write_text(page)
    print(path)
    return CLEAN


def _settings() -> Settings:
    from service.config import settings
    from service.runtime import logs

    loaded = settings.load()
    logs.configure(log_format=loaded.log_format, level=loaded.log_level)
    return loaded


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return number


def _instant(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
