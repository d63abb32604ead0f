"""Which commands and options there are."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from service import __version__
from service.cli import calls, types
from service.commands.parser import CommandParser

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[CommandParser]  # noqa: SLF001 - it has no public name


def build_parser() -> CommandParser:
    """Return the parser of the whole command line."""
    parser = CommandParser(prog="tidegauge", description="Monitors machine-learning models in production.")
    parser.add_argument("--version", action="version", version=f"tidegauge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run every monitor until Ctrl-C")
    run.add_argument("--max-cycles", type=types.positive, metavar="N", help="stop after N cycles per monitor")
    run.add_argument(
        "--workers",
        type=types.positive,
        metavar="N",
        help="run N processes that share the monitors (default 1)",
    )
    run.add_argument("--worker", type=types.positive, help=argparse.SUPPRESS)  # one of these, with its number
    run.set_defaults(command=calls.run)

    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.add_argument(
        "--reader-sql",
        action="store_true",
        help="only print the SQL by which an administrator makes the role that dashboards read with",
    )
    migrate.set_defaults(command=calls.migrate)

    audit = commands.add_parser("audit", help="add up what became of the rows that were sent")
    audit.add_argument("monitor", nargs="?", help="only this monitor")
    audit.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="compare with a sender's own record, as `simulator send` makes it",
    )
    audit.set_defaults(command=calls.audit)

    psql = commands.add_parser("psql", help="open the embedded database as the role that may only read")
    psql.add_argument("--print", action="store_true", dest="print_only", help="only print its URL")
    psql.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="psql's own, such as -c 'SELECT 1'")
    psql.set_defaults(command=calls.psql)

    check = commands.add_parser(
        "check", help="look at every monitor file, its data and the database; changes nothing"
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(command=calls.check)

    _add_init(commands)
    _add_measure(commands)

    metrics = commands.add_parser("metrics", help="print what was measured")
    for name in ("monitor", "aspect", "column", "segment", "metric"):
        metrics.add_argument(f"--{name}", metavar="NAME", help=f"only this {name}")
    metrics.add_argument(
        "--since", type=types.instant, metavar="TIME", help="only what was measured since this ISO time"
    )
    metrics.add_argument("--format", choices=("table", "csv", "json"), default="table")
    metrics.set_defaults(command=calls.metrics)

    status = commands.add_parser("status", help="print how every monitor is, since when and why, in words")
    status.add_argument("--monitor", metavar="NAME", help="only this monitor")
    status.add_argument("--json", action="store_true", help="print one JSON list")
    status.set_defaults(command=calls.status)

    report = commands.add_parser("report", help="write Evidently's report of a window")
    report.add_argument("--monitor", required=True, metavar="NAME", help="the monitor")
    report.add_argument(
        "--window", type=types.positive, metavar="ID", help="its window (default: the newest)"
    )
    report.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it (default: NAME-ID.html)"
    )
    report.set_defaults(command=calls.report)

    _add_monitor(commands)
    _add_token(commands)
    return parser


def _add_monitor(commands: Commands) -> None:
    parser = commands.add_parser("monitor", help="list monitors; reset, remove or rename one")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="list every monitor, with a file or in the database")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.set_defaults(command=calls.monitor_list)

    reset = actions.add_parser("reset", help="measure a monitor's source again, as further revisions")
    reset.add_argument("name", metavar="NAME")
    reset.add_argument(
        "--from", type=types.instant, dest="since", metavar="TIME", help="from this ISO time on"
    )
    reset.set_defaults(command=calls.monitor_reset)

    remove = actions.add_parser("remove", help="take a monitor without a file out of the dashboards")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--purge", action="store_true", help="delete all that was measured of it as well")
    remove.set_defaults(command=calls.monitor_remove)

    rename = actions.add_parser("rename", help="give a monitor's history to the name of its renamed file")
    rename.add_argument("name", metavar="OLD")
    rename.add_argument("new", metavar="NEW")
    rename.add_argument("--replace", action="store_true", help="delete what NEW has measured itself")
    rename.set_defaults(command=calls.monitor_rename)
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
    create.set_defaults(command=calls.token_create)

    listing = actions.add_parser("list", help="list the tokens, revoked ones too")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.set_defaults(command=calls.token_list)

    revoke = actions.add_parser("revoke", help="refuse a token from now on")
    revoke.add_argument("id", metavar="ID", help="as `token list` prints it, or the token itself")
    revoke.set_defaults(command=calls.token_revoke)


def _add_init(commands: Commands) -> None:
    init = commands.add_parser("init", help="write a first monitor file from the data")
    init.add_argument("data", type=Path, metavar="DATA", help="a file, a folder or a pattern of files")
    init.add_argument("--reference", type=Path, metavar="FILE", help="what the model was validated on")
    init.add_argument("--name", metavar="NAME", help="the monitor (default: the file's name)")
    init.add_argument("--force", action="store_true", help="overwrite a monitor file that is there")
    init.set_defaults(command=calls.init)


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
        type=types.pair,
        action="append",
        metavar="NAME=KIND",
        help="a watched column and its kind; repeat",
    )
    measure.add_argument(
        "--threshold",
        type=types.limit,
        action="append",
        metavar="METRIC=NUMBER",
        help="of the performance; repeat",
    )
    measure.add_argument("--min-rows", type=types.positive, metavar="N", help="measure drift from N rows on")
    measure.add_argument("--breached", action="store_true", help="print only what is beyond its threshold")
    measure.add_argument("--format", choices=("table", "csv", "json"), default="table")
    measure.set_defaults(command=calls.measure)
