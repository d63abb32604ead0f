"""What each command calls: its module is imported then, so that `--help` need not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Call `tidegauge run`; return its exit status."""
    from service.runtime import allocation

    allocation.share()  # before anything imports Arrow
    from service.commands import run

    return run.execute(max_cycles=options.max_cycles, workers=options.workers, worker=options.worker)


def audit(options: argparse.Namespace) -> int:
    """Call `tidegauge audit`; return its exit status."""
    from service.commands import audit

    return audit.execute(options.monitor, record=options.record)


def psql(options: argparse.Namespace) -> int:
    """Call `tidegauge psql`; return its exit status."""
    from service.commands import psql

    return psql.execute(options.arguments, print_only=options.print_only)


def migrate(options: argparse.Namespace) -> int:
    """Call `tidegauge migrate`; return its exit status."""
    from service.commands import migrate

    return migrate.print_reader_sql() if options.reader_sql else migrate.execute()


def check(options: argparse.Namespace) -> int:
    """Call `tidegauge check`; return its exit status."""
    from service.commands import check

    return check.execute(as_object=options.json)


def init(options: argparse.Namespace) -> int:
    """Call `tidegauge init`; return its exit status."""
    from service.commands import init

    wanted = init.Wanted(options.data, options.reference, options.name, options.force)
    return init.execute(wanted)


def measure(options: argparse.Namespace) -> int:
    """Call `tidegauge measure`; return its exit status."""
    from service.commands import measure

    names = ("task", "target", "prediction", "score", "positive", "timestamp", "min_rows")
    keys = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.column:
        keys["columns"] = dict(options.column)
    if options.threshold:
        keys["performance"] = dict(options.threshold)
    wanted = measure.Wanted(options.data, options.reference, options.monitor, keys)
    return measure.execute(wanted, form=options.format, only_breached=options.breached)


def metrics(options: argparse.Namespace) -> int:
    """Call `tidegauge metrics`; return its exit status."""
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


def status(options: argparse.Namespace) -> int:
    """Call `tidegauge status`; return its exit status."""
    from service.commands import status

    return status.execute(monitor=options.monitor, as_json=options.json)


def report(options: argparse.Namespace) -> int:
    """Call `tidegauge report`; return its exit status."""
    from service.commands import report

    return report.execute(monitor=options.monitor, window=options.window, output=options.output)


def monitor_list(options: argparse.Namespace) -> int:
    """Call `tidegauge monitor list`; return its exit status."""
    from service.commands import monitor_list

    return monitor_list.execute(as_json=options.json)


def monitor_reset(options: argparse.Namespace) -> int:
    """Call `tidegauge monitor reset`; return its exit status."""
    from service.commands import monitor

    return monitor.reset(options.name, since=options.since, yes=options.yes)


def monitor_remove(options: argparse.Namespace) -> int:
    """Call `tidegauge monitor remove`; return its exit status."""
    from service.commands import monitor

    return monitor.remove(options.name, purge=options.purge, force=options.force, yes=options.yes)


def monitor_rename(options: argparse.Namespace) -> int:
    """Call `tidegauge monitor rename`; return its exit status."""
    from service.commands import monitor

    asked = {"replace": options.replace, "force": options.force, "yes": options.yes}
    return monitor.rename(options.name, options.new, **asked)


def token_create(options: argparse.Namespace) -> int:
    """Call `tidegauge token create`; return its exit status."""
    from service.commands import token

    return token.create(options.name, scopes=options.scope, monitors=options.monitor)


def token_list(options: argparse.Namespace) -> int:
    """Call `tidegauge token list`; return its exit status."""
    from service.commands import token

    return token.show(as_json=options.json)


def token_revoke(options: argparse.Namespace) -> int:
    """Call `tidegauge token revoke`; return its exit status."""
    from service.commands import token

    return token.revoke(options.id)
