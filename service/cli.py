"""The command line: which commands and options there are.

Exit status: 0 after a clean stop, 2 for bad configuration, 1 otherwise, as where `status` finds an alarm. A
command is imported when it is called, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from service import __version__
from service.commands.exit_status import CLEAN, FAILED, INTERRUPTED, MISCONFIGURED
from service.commands.parser import CommandParser, with_separator
from service.errors import ConfigurationError, TidegaugeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Commands = argparse._SubParsersAction[CommandParser]  # noqa: SLF001 - it has no public name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (the process's own where None) name; return the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(with_separator(given))
    try:
        status: int = options.command(options)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return MISCONFIGURED
    except TidegaugeError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLEAN
    return status


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="tidegauge", description="Monitors machine-learning models in production.")
    parser.add_argument("--version", action="version", version=f"tidegauge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run every monitor until Ctrl-C")
    run.add_argument("--max-cycles", type=_positive, metavar="N", help="stop after N cycles per monitor")
    run.add_argument(
        "--workers", type=_positive, metavar="N", help="run N processes that share the monitors (default 1)"
    )
    run.add_argument("--worker", type=_positive, help=argparse.SUPPRESS)  # one of these, with its number
    run.set_defaults(command=_run)

    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.add_argument(
        "--reader-sql",
        action="store_true",
        help="only print the SQL by which an administrator makes the role that dashboards read with",
    )
    migrate.set_defaults(command=_migrate)

    audit = commands.add_parser("audit", help="add up what became of the rows that were sent")
    audit.add_argument("monitor", nargs="?", help="only this monitor")
    audit.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="compare with a sender's own record, as `simulator send` makes it",
    )
    audit.set_defaults(command=_audit)

    psql = commands.add_parser("psql", help="open the embedded database as the role that may only read")
    psql.add_argument("--print", action="store_true", dest="print_only", help="only print its URL")
    psql.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="psql's own, such as -c 'SELECT 1'")
    psql.set_defaults(command=_psql)

    check = commands.add_parser(
        "check", help="look at every monitor file, its data and the database; changes nothing"
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(command=_check)

    _add_init(commands)
    _add_measure(commands)

    metrics = commands.add_parser("metrics", help="print what was measured")
    for name in ("monitor", "aspect", "column", "segment", "metric"):
        metrics.add_argument(f"--{name}", metavar="NAME", help=f"only this {name}")
    metrics.add_argument(
        "--since", type=_instant, metavar="TIME", help="only what was measured since this ISO time"
    )
    metrics.add_argument("--format", choices=("table", "csv", "json"), default="table")
    metrics.set_defaults(command=_metrics)

    status = commands.add_parser("status", help="print how every monitor is, since when and why, in words")
    status.add_argument("--monitor", metavar="NAME", help="only this monitor")
    status.add_argument("--json", action="store_true", help="print one JSON list")
    status.set_defaults(command=_status)

    report = commands.add_parser("report", help="write Evidently's report of a window")
    report.add_argument("--monitor", required=True, metavar="NAME", help="the monitor")
    report.add_argument("--window", type=_positive, metavar="ID", help="its window (default: the newest)")
    report.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it (default: NAME-ID.html)"
    )
    report.set_defaults(command=_report)

    _add_monitor(commands)
    _add_token(commands)
    return parser


def _add_monitor(commands: Commands) -> None:
    parser = commands.add_parser("monitor", help="list monitors; reset, remove or rename one")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="list every monitor, with a file or in the database")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.set_defaults(command=_monitor_list)

    reset = actions.add_parser("reset", help="measure a monitor's source again, as further revisions")
    reset.add_argument("name", metavar="NAME")
    reset.add_argument("--from", type=_instant, dest="since", metavar="TIME", help="from this ISO time on")
    reset.set_defaults(command=_monitor_reset)

    remove = actions.add_parser("remove", help="take a monitor without a file out of the dashboards")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--purge", action="store_true", help="delete all that was measured of it as well")
    remove.set_defaults(command=_monitor_remove)

    rename = actions.add_parser("rename", help="give a monitor's history to the name of its renamed file")
    rename.add_argument("name", metavar="OLD")
    rename.add_argument("new", metavar="NEW")
    rename.add_argument("--replace", action="store_true", help="delete what NEW has measured itself")
    rename.set_defaults(command=_monitor_rename)
    for action in (remove, rename):
        action.add_argument("--force", action="store_true", help="even if a service seems to run it")
    for action in (reset, remove, rename):
        action.add_argument("--yes", action="store_true", help="do not ask, on a terminal")


def _add_token(commands: Commands) -> None:
    parser = commands.add_parser(
        "token", help="create, list and revoke what senders and readers sign in with"
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    create = actions.add_parser("create", help="make a token and print it, once")
    create.add_argument("name", metavar="NAME", help="whose it is, in words")
    create.add_argument(
        "--scope",
        action="append",
        required=True,
        metavar="SCOPE",
        help="what it admits to: rows, labels, read or admin; repeat",
    )
    create.add_argument(
        "--monitor", action="append", metavar="NAME", help="the monitor that it is for; repeat (default: all)"
    )
    create.set_defaults(command=_token_create)

    listing = actions.add_parser("list", help="list the tokens, revoked ones too")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.set_defaults(command=_token_list)

    revoke = actions.add_parser("revoke", help="refuse a token from now on")
    revoke.add_argument("id", metavar="ID", help="as `token list` prints it, or the token itself")
    revoke.set_defaults(command=_token_revoke)


def _add_init(commands: Commands) -> None:
    init = commands.add_parser("init", help="write a first monitor file from the data")
    init.add_argument("data", type=Path, metavar="DATA", help="a file, a folder or a pattern of files")
    init.add_argument("--reference", type=Path, metavar="FILE", help="what the model was validated on")
    init.add_argument("--name", metavar="NAME", help="the monitor (default: the file's name)")
    init.add_argument("--force", action="store_true", help="overwrite a monitor file that is there")
    init.set_defaults(command=_init)


def _add_measure(commands: Commands) -> None:
    measure = commands.add_parser("measure", help="measure a file against a reference, without a service")
    measure.add_argument("data", type=Path, metavar="FILE", help="the rows, measured as one window")
    measure.add_argument(
        "--reference", type=Path, required=True, metavar="FILE", help="what it is compared with"
    )
    measure.add_argument(
        "--monitor", type=Path, metavar="FILE.yaml", help="a monitor file that says what to measure"
    )
    measure.add_argument("--task", choices=("regression", "binary", "multiclass"))
    for name in ("target", "prediction", "score", "timestamp"):
        measure.add_argument(f"--{name}", metavar="COLUMN")
    measure.add_argument("--positive", metavar="LABEL", help="the positive label of a binary task")
    measure.add_argument(
        "--column",
        type=_pair,
        action="append",
        metavar="NAME=KIND",
        help="a watched column and its kind; repeat",
    )
    measure.add_argument(
        "--threshold",
        type=_limit,
        action="append",
        metavar="METRIC=NUMBER",
        help="of the performance; repeat",
    )
    measure.add_argument("--min-rows", type=_positive, metavar="N", help="measure drift from N rows on")
    measure.add_argument("--breached", action="store_true", help="print only what is beyond its threshold")
    measure.add_argument("--format", choices=("table", "csv", "json"), default="table")
    measure.set_defaults(command=_measure)


def _run(options: argparse.Namespace) -> int:
    from service.runtime import allocation

    allocation.share()  # before anything imports Arrow
    from service.commands import run

    return run.execute(max_cycles=options.max_cycles, workers=options.workers, worker=options.worker)


def _audit(options: argparse.Namespace) -> int:
    from service.commands import audit

    return audit.execute(options.monitor, record=options.record)


def _psql(options: argparse.Namespace) -> int:
    from service.commands import psql

    return psql.execute(options.arguments, print_only=options.print_only)


def _migrate(options: argparse.Namespace) -> int:
    from service.commands import migrate

    return migrate.print_reader_sql() if options.reader_sql else migrate.execute()


def _check(options: argparse.Namespace) -> int:
    from service.commands import check

    return check.execute(as_object=options.json)


def _init(options: argparse.Namespace) -> int:
    from service.commands import init

    wanted = init.Wanted(options.data, options.reference, options.name, options.force)
    return init.execute(wanted)


def _measure(options: argparse.Namespace) -> int:
    from service.commands import measure

    names = ("task", "target", "prediction", "score", "positive", "timestamp", "min_rows")
    keys = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.column:
        keys["columns"] = dict(options.column)
    if options.threshold:
        keys["performance"] = dict(options.threshold)
    wanted = measure.Wanted(options.data, options.reference, options.monitor, keys)
    return measure.execute(wanted, form=options.format, only_breached=options.breached)


def _metrics(options: argparse.Namespace) -> int:
    from service.commands import metrics
    from service.core.read_models import SeriesFilter

    wanted = SeriesFilter(
        monitor=options.monitor,
        aspect=options.aspect,
        column=options.column,
        segment=options.segment,
        metric=options.metric,
    )
    return metrics.execute(wanted, since=options.since, form=options.format)


def _status(options: argparse.Namespace) -> int:
    from service.commands import status

    return status.execute(monitor=options.monitor, as_json=options.json)


def _report(options: argparse.Namespace) -> int:
    from service.commands import report

    return report.execute(monitor=options.monitor, window=options.window, output=options.output)


def _monitor_list(options: argparse.Namespace) -> int:
    from service.commands import monitor_list

    return monitor_list.execute(as_json=options.json)


def _monitor_reset(options: argparse.Namespace) -> int:
    from service.commands import monitor

    return monitor.reset(options.name, since=options.since, yes=options.yes)


def _monitor_remove(options: argparse.Namespace) -> int:
    from service.commands import monitor

    return monitor.remove(options.name, purge=options.purge, force=options.force, yes=options.yes)


def _monitor_rename(options: argparse.Namespace) -> int:
    from service.commands import monitor

    asked = {"replace": options.replace, "force": options.force, "yes": options.yes}
    return monitor.rename(options.name, options.new, **asked)


def _token_create(options: argparse.Namespace) -> int:
    from service.commands import token

    return token.create(options.name, scopes=options.scope, monitors=options.monitor)


def _token_list(options: argparse.Namespace) -> int:
    from service.commands import token

    return token.show(as_json=options.json)


def _token_revoke(options: argparse.Namespace) -> int:
    from service.commands import token

    return token.revoke(options.id)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return number


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.rpartition("=")
    if not found or not name or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text}")
    return name, value


def _limit(text: str) -> tuple[str, float]:
    name, value = _pair(text)
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected METRIC=NUMBER such as mae=1.5, got {text}") from None


def _instant(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected an ISO 8601 time such as 2026-01-31T00:00:00Z, got {text}"
        ) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
