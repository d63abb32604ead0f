"""The monitors that have a file here, for those who answer questions about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.reports.reporter import ReportedMonitor
    from service.runtime.job import Job
    from service.sources.protocol import Receiver
    from service.status.known_names import DeclaredNames


@dataclass(slots=True)
class MonitorIndex:
    """The monitors that have a file here, for those who answer questions about them; all by their names.

    - `jobs`: their cycles, those that other replicas run among them
    - `descriptions`: of their files
    - `columns`: those that they watch
    - `declared`: the names of what their files make them measure
    - `reported`: what a report needs
    - `panes_behind`: how many panes before a window the reference has, of those that have a bound
    - `receivers`: what reads the rows that are sent, of those to which rows can be sent
    - `faults`: why an edited file was refused
    - `refused`: why this replica may not hold a monitor that another one holds
    - `hindered`: why this machine cannot read the rows of a monitor that it leaves to other replicas
    - `holders`: the replica that measures each; empty where one process measures all
    - `replicas`: by the names of the live replicas, the monitors that each holds
    - `unheld`: since when (by the event loop's clock) no live replica holds a monitor
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    declared: dict[str, Callable[[], DeclaredNames]] = field(default_factory=dict)
    reported: dict[str, ReportedMonitor] = field(default_factory=dict)
    panes_behind: dict[str, int] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    hindered: dict[str, str] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    replicas: dict[str, list[str]] = field(default_factory=dict)
    unheld: dict[str, float] = field(default_factory=dict)
