"""Late, repeated and disordered rows and labels, restarts and outages, against a plain reckoning."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.commands.audit import sums_in
from service.inbox.spool_account import spooled
from service.store.embedded.server import EmbeddedServer
from service.store.pool import open_pool
from service.store.tables.inbox import audit
from tests.conftest import TEMPLATE, fresh_database
from tests.integration.inbox.live import MINUTE, START, Live, living, row
from tests.integration.inbox.proxy import proxied
from tests.integration.inbox.reckoning import Reckoning

CHANGED = {
    "source": {"type": "http", "timestamp": "at", "max_ahead": "1m", "allowed_lateness": "4m"},
    "labels": {"wait": "30d"},
    "drift": {"methods": ["psi:robust"], "multivariate": []},
}
PATIENCE_SECONDS = 60
_MEASURED = """
SELECT extract(epoch FROM w.window_start)::bigint AS start, w.rows, m.value
FROM (SELECT DISTINCT ON (window_start) * FROM tidegauge.window_run ORDER BY window_start, revision DESC) w
LEFT JOIN tidegauge.metrics m
    ON m.window_start = w.window_start AND m.metric = 'mae' AND m.segment = '' AND m.revision = w.revision
"""
_PANES = """
SELECT extract(epoch FROM pane_start)::bigint AS start, rows, ids FROM tidegauge.pane ORDER BY pane_start
"""
_LEFT = """
SELECT (SELECT count(*) FROM tidegauge.inbox_batch)
    + coalesce((SELECT jsonb_array_length(labelling -> 'again') FROM tidegauge.checkpoint), 0)
"""

minutes = st.integers(0, 48).map(lambda quarter: quarter / 4)
numbers = st.integers(-20, 20).map(float)
new_rows = st.lists(st.tuples(minutes, numbers, numbers), min_size=1, max_size=5)
labels = st.lists(st.tuples(st.integers(0, 40), numbers), min_size=1, max_size=4)


class LiveMonitor(RuleBasedStateMachine):
    """A monitor to which rows and labels are sent, its cycles, clock and database, and what is expected."""

    server: EmbeddedServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack, self.life = AsyncExitStack(), AsyncExitStack()
        self.expected = Reckoning(START, ahead=MINUTE, lateness=4 * MINUTE)
        self.ids, self.keys = count(), count()
        self.sent: list[tuple[str, str, list[dict[str, Any]]]] = []
        self.clock = START + 2 * MINUTE
        self.is_away = False
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        enter = self.stack.enter_async_context
        self.folder = Path(self.stack.enter_context(TemporaryDirectory()))
        url = await enter(fresh_database(self.server, TEMPLATE))
        self.proxy, through = await enter(proxied(url))
        self.pool = await open_pool(url)
        self.stack.callback(self.pool.terminate)
        self.through = await open_pool(through)
        self.stack.callback(self.through.terminate)
        await self._live()

    async def _live(self) -> None:
        self.live: Live = await self.life.enter_async_context(living(self.through, self.folder, **CHANGED))
        self.live.clock.now = self.clock

    async def _post(self, what: str, key: str, content: list[dict[str, Any]]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await self.live.send(content, what, idempotency_key=key)
        if answer.status_code == 202:
            self.expected.accept(what, key, content, received=self.clock)
            self.sent.append((what, key, content))
            return
        # None of the rows can be used: nothing was acknowledged.
        assert answer.status_code == 422, answer.text
        assert not self.expected.has_usable(what, content, received=self.clock)

    @rule(drawn=new_rows, useless=st.booleans(), untimed=st.booleans())
    def post_rows(self, drawn: list[tuple[float, float, float]], *, useless: bool, untimed: bool) -> None:
        """Send rows with new ids, of any minute; some cannot be used, and some have no time."""
        sent = [row(f"k{next(self.ids)}", minute, size=size, guess=guess) for minute, size, guess in drawn]
        if useless:
            sent.append(row(f"k{next(self.ids)}", 0, at="soon"))
        if untimed:
            sent.append(row(f"k{next(self.ids)}", 0, at=None))
        self.runner.run(self._post("rows", f"key{next(self.keys)}", sent))

    @rule(drawn=labels, useless=st.booleans())
    def post_labels(self, drawn: list[tuple[int, float]], *, useless: bool) -> None:
        """Send labels, of rows that came, that come later or never, some for the second time."""
        sent: list[dict[str, Any]] = [{"key": f"k{place}", "truth": truth} for place, truth in drawn]
        if useless:
            sent += [{"key": None, "truth": 1.0}, {"key": "k0", "truth": None}]
        self.runner.run(self._post("labels", f"key{next(self.keys)}", sent))

    @precondition(lambda self: self.sent)
    @rule(place=st.integers(0, 1_000))
    def repeat(self, place: int) -> None:
        """Send what was acknowledged again, under its key."""
        self.runner.run(self._post(*self.sent[place % len(self.sent)]))

    @precondition(lambda self: not self.is_away)
    @rule()
    def run_a_cycle(self) -> None:
        """Measure what waits."""
        self.runner.run(self.live.run())

    @rule(quarters=st.integers(1, 12))
    def go_on(self, quarters: int) -> None:
        """Advance the clock."""
        self.clock += quarters * MINUTE // 4
        self.live.clock.now = self.clock

    @precondition(lambda self: not self.is_away)
    @rule()
    def lose_the_database(self) -> None:
        """Take the database away."""
        self.proxy.cut()
        self.is_away = True

    @precondition(lambda self: self.is_away)
    @rule()
    def come_back(self) -> None:
        """Give the database back, without waiting for the drain."""
        self.proxy.open()
        self.is_away = False

    @precondition(lambda self: not self.is_away)
    @rule()
    def restart(self) -> None:
        """Stop all parts of the service and start them again on what they left."""

        async def again() -> None:
            await self.life.aclose()
            await self._live()

        self.runner.run(again())

    @precondition(lambda self: not self.is_away)
    @rule()
    def compare(self) -> None:
        """Let everything come to rest, and compare it with what is expected."""
        self.runner.run(self._compare())

    async def _compare(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while list((self.folder / "inbox").glob("*/*.rows")):  # noqa: ASYNC110  # no event says so
                await asyncio.sleep(0.02)
            await self.live.run()
            while await self.pool.fetchval(_LEFT):
                await self.live.run()
        expected = self.expected.reckoned()
        panes = {(each["start"] - START // 1_000_000) // 60: each for each in await self.pool.fetch(_PANES)}
        found = {minute: (each["rows"], int(each["ids"])) for minute, each in panes.items()}
        assert found == {minute: (pane.rows, pane.ids) for minute, pane in expected.panes.items()}
        for each in await self.pool.fetch(_MEASURED):
            minute = (each["start"] - START // 1_000_000) // 60
            assert each["rows"] == expected.rows_of(minute), minute
            mae = expected.mae_of(minute)
            assert each["value"] == (mae if mae is None else pytest.approx(mae)), minute
        on_disk, troubles = spooled(self.folder / "inbox", sums_in)
        account = await audit.read(self.pool, "toy", sums_in, on_disk)
        assert not troubles
        assert account.rows["rejected"] == expected.rejected
        # A second label is rejected with the first, or waits for another row under its id.
        assert account.labels["attached"] == expected.attached
        assert account.labels["rejected"] + account.labels["ahead of rows"] == expected.not_attached
        assert account.total_labels == expected.attached + expected.not_attached
        assert account.measured == account.in_panes

    @invariant()
    def what_was_acknowledged_is_there(self) -> None:
        """Nothing is lost and nothing counts twice, wherever it is just now."""

        async def check() -> None:
            on_disk, _ = spooled(self.folder / "inbox", sums_in)
            account = await audit.read(self.pool, "toy", sums_in, on_disk)
            assert (sum(each.rows for each in account.rows.values()), sum(
                each.rows for each in account.labels.values()
            )) == self.expected.acknowledged  # fmt: skip

        if hasattr(self, "pool"):
            self.runner.run(check())

    def teardown(self) -> None:
        """Compare what there is at the end, and close everything."""

        async def end() -> None:
            try:
                self.proxy.open()
                await self._compare()
            finally:
                await self.life.aclose()
                await self.stack.aclose()

        try:
            self.runner.run(end())
        finally:
            self.runner.close()


@pytest.mark.slow
def test_live_rows_and_labels_come_to_what_is_reckoned(server: EmbeddedServer) -> None:
    """Panes, windows, rejects and what waits equal the reckoning, whatever the order of events."""
    LiveMonitor.server = server
    run_state_machine_as_test(
        LiveMonitor,
        settings=settings(
            settings.default,
            max_examples=int(os.environ.get("FAULTS_EXAMPLES", "5")),
            stateful_step_count=int(os.environ.get("FAULTS_STEPS", "14")),
            suppress_health_check=list(HealthCheck),
        ),
    )
