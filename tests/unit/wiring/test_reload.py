"""What becomes of the running monitors when their files change, with monitors that only keep count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import asyncpg
import pytest
import structlog

from service.config.monitor import Monitor
from service.config.monitor_file import load
from service.config.sent_monitor_copy import read_copy
from service.config.settings import Settings
from service.errors import SourceError
from service.runtime.job import CycleResult, Job
from service.status.live_feed import EventBroadcaster
from service.wiring.monitor_cycles import MonitorCycles
from service.wiring.monitor_index import MonitorIndex
from service.wiring.reload import Reload
from tests.unit.config.test_monitor_file import GOOD


async def _never(slot: int) -> CycleResult:
    raise AssertionError(f"nothing runs here, not even slot {slot}")


class Cycles:
    """Stands for the running monitors; `refusing` is raised where one is replaced."""

    def __init__(self) -> None:
        self.index = MonitorIndex()
        self.fences = None
        self.monitors: dict[str, Monitor] = {}
        self.done: list[tuple[str, str]] = []
        self.refusing: Exception | None = None

    async def start(self, monitor: Monitor) -> None:
        self.done.append(("start", monitor.name))
        self._keep(monitor)

    async def replace(self, monitor: Monitor) -> None:
        if self.refusing is not None:
            raise self.refusing
        self.done.append(("replace", monitor.name))
        self._keep(monitor)

    async def restart(self, name: str) -> None:
        self.done.append(("restart", name))
        self._keep(self.monitors[name])

    async def stop(self, name: str) -> None:
        self.done.append(("stop", name))
        del self.monitors[name], self.index.jobs[name]

    def _keep(self, monitor: Monitor) -> None:
        self.monitors[monitor.name] = monitor
        self.index.jobs[monitor.name] = Job(monitor.name, 1.0, _never)


class Database:
    """Stands for the pool: keeps what was noted of monitors, and says which were reset."""

    def __init__(self) -> None:
        self.noted: list[object] = []
        self.reset: list[str] = []
        self.sent: dict[str, str] = {}
        self.removed: list[str] = []

    async def execute(self, _statement: str, monitors: object, *_fence: object) -> None:
        self.noted.append(monitors)

    async def fetchval(self, _statement: str, monitor: str, *_fence: object) -> bool:
        self.noted.append(monitor)
        return monitor in self.removed

    async def fetch(self, _statement: str, monitors: list[str] | None = None) -> list[dict[str, object]]:
        if monitors is None:
            at = datetime(2026, 1, 1, tzinfo=UTC)
            return [
                {"name": name, "content": text, "sent_by": "ci", "sent_at": at}
                for name, text in self.sent.items()
            ]
        return [{"monitor": name} for name in monitors if name in self.reset]


class Place:
    """A folder with the file `shop.yaml`, which runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cycles, self.database = folder, Cycles(), Database()
        self.write("shop", GOOD)
        monitor = load(folder / "shop.yaml", folder)
        self.cycles._keep(monitor)  # the service's start has done so
        settings = Settings(monitors_dir=folder, data_dir=folder)
        pool, cycles = cast("asyncpg.Pool", self.database), cast("MonitorCycles", self.cycles)
        self.reload = Reload(settings, cycles, pool, EventBroadcaster())

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.yaml").write_text(text)

    @property
    def faults(self) -> dict[str, str]:
        return self.cycles.index.faults


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    """Lay out the folder; nothing has changed since the start."""
    place = Place(tmp_path)
    await place.reload.take_in()
    assert (place.cycles.done, place.faults) == ([], {})
    return place


async def test_only_a_monitor_that_differs_is_replaced(place: Place) -> None:
    """A comment changes nothing; a new description does, and is taken in once."""
    place.write("shop", GOOD + "# a comment\n")
    await place.reload.take_in()
    place.write("shop", GOOD.replace("a model", "another model"))
    await place.reload.take_in()
    await place.reload.take_in()
    assert place.cycles.done == [("replace", "shop")]


async def test_a_bad_edit_is_kept_until_the_file_is_mended(place: Place) -> None:
    """It is said by the monitor's name, and no more once the file is as it was."""
    place.write("shop", GOOD.replace("window:", "windo:"))
    await place.reload.take_in()
    assert place.faults.keys() == {"shop"}
    assert "windo: no such key" in place.faults["shop"]
    assert "\n" not in place.faults["shop"]
    place.write("shop", GOOD)
    await place.reload.take_in()
    assert (place.faults, place.cycles.done) == ({}, [])


@pytest.mark.parametrize("error", [SourceError("no such file"), ValueError("whatever a library says")])
async def test_an_edit_that_cannot_be_built_is_refused(place: Place, error: Exception) -> None:
    """Expected or not, what goes wrong leaves the monitor as it was; the edit is tried again when asked."""
    place.write("shop", GOOD.replace("a model", "another model"))
    place.cycles.refusing = error
    await place.reload.take_in()
    assert str(error) in place.faults["shop"]
    assert place.cycles.monitors["shop"].description == "a model"
    place.cycles.refusing = None
    await place.reload.take_in()
    assert (place.faults, place.cycles.done) == ({}, [("replace", "shop")])


async def test_a_bad_new_file_is_named_and_forgotten_with_the_file(place: Place) -> None:
    """No monitor runs by it, so the file itself is what is named."""
    place.write("new", "sauce: {}\n")
    await place.reload.take_in()
    path = place.folder / "new.yaml"
    assert place.faults.keys() == {str(path)}
    path.unlink()
    await place.reload.take_in()
    assert (place.faults, place.cycles.done) == ({}, [])


async def test_files_come_and_go(place: Place) -> None:
    """A new file starts a monitor, a renamed one ends and starts, a deleted one ends; the database knows."""
    place.write("new", GOOD)
    await place.reload.take_in()
    (place.folder / "new.yaml").rename(place.folder / "newer.yaml")
    await place.reload.take_in()
    (place.folder / "newer.yaml").unlink()
    await place.reload.take_in()
    assert place.cycles.done == [("start", "new"), ("stop", "new"), ("start", "newer"), ("stop", "newer")]
    assert place.database.noted == [["new"], "new", ["newer"], "newer"]


@pytest.mark.parametrize("empty", [True, False])
async def test_without_its_folder_every_monitor_goes_on(place: Place, empty: bool) -> None:
    """A folder that is not mounted for a moment, or that is empty, is no wish to end them all."""
    (place.folder / "shop.yaml").unlink()
    if not empty:
        place.folder.rmdir()
    await place.reload.take_in()
    assert place.cycles.done == []
    assert place.faults.keys() == {str(place.folder)}
    place.folder.mkdir(exist_ok=True)
    place.write("shop", GOOD)
    await place.reload.take_in()
    assert (place.cycles.done, place.faults) == ([], {})


async def test_a_second_file_of_a_name_changes_nothing(place: Place) -> None:
    """The monitor goes on by the file that it has; the other is named."""
    place.write("zoo", GOOD.replace("a model", "a copy") + "name: shop\n")
    await place.reload.take_in()
    assert place.cycles.done == []
    assert place.faults.keys() == {str(place.folder / "zoo.yaml")}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.001)


async def test_the_folder_is_followed_by_itself_and_when_asked(place: Place) -> None:
    """An edit is found without being asked; when asked everything is read, also what has not changed."""
    asked, cycles = asyncio.Event(), place.cycles
    following = asyncio.create_task(place.reload.follow(asked, poll_seconds=0.01))
    await asyncio.sleep(0)
    cycles.refusing = SourceError("not there yet")
    place.write("shop", GOOD.replace("a model", "another model"))
    await _until(lambda: "shop" in place.faults)
    cycles.refusing = None
    asked.set()
    await _until(lambda: cycles.done == [("replace", "shop")])
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_an_ended_monitor_that_was_reset_is_started_again(place: Place) -> None:
    """Its cycles had ended, so that none of them could find out by itself that it was overtaken."""
    place.database.reset = ["shop"]
    job = place.cycles.index.jobs["shop"]
    job.exhausted = True
    job.finished.set()
    following = asyncio.create_task(place.reload.follow(asyncio.Event(), poll_seconds=0.001))
    await _until(lambda: bool(place.cycles.done))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert place.cycles.done == [("restart", "shop")]


SENT = "source: {type: http}\nreference: {first_rows: 9}\ncolumns: {size: numerical}\nwindow: {size: 1h}\n"


async def test_a_monitor_that_was_sent_is_followed_as_a_file_is(place: Place) -> None:
    """It starts, is replaced by what is sent again, keeps running where that is bad, and stops with it."""
    sent = place.database.sent
    sent["cart"] = SENT
    await place.reload.take_in()
    sent["cart"] = SENT.replace("9", "10")
    await place.reload.take_in()
    sent["cart"] = SENT.replace("window", "windo")
    await place.reload.take_in()
    assert "windo: no such key" in place.faults["cart"]
    sent["cart"] = SENT
    await place.reload.take_in()
    shop = place.cycles.monitors["shop"]
    assert [each.name for each in read_copy(place.folder, [shop])] == ["shop", "cart"]
    del sent["cart"]
    await place.reload.take_in()
    steps = ["start", "replace", "replace", "stop"]
    assert place.cycles.done == [(step, "cart") for step in steps]
    assert read_copy(place.folder, []) == []


async def test_a_file_wins_over_what_was_sent(place: Place) -> None:
    """Also one with a fault: what was sent does not run in its place."""
    place.database.sent["shop"] = SENT
    await place.reload.take_in()
    place.write("shop", GOOD.replace("window:", "windo:"))
    await place.reload.take_in()
    assert place.cycles.done == []
    assert place.faults.keys() == {"shop"}


async def test_the_log_advises_no_command_that_was_run(place: Place) -> None:
    """A sent monitor ends by a command alone; a file may be deleted after its monitor was removed."""
    place.write("new", GOOD)
    place.write("old", GOOD)
    place.database.sent["cart"] = SENT
    await place.reload.take_in()
    del place.database.sent["cart"]
    place.database.removed = ["old"]
    for name in ("new", "old"):
        (place.folder / f"{name}.yaml").unlink()
    before = list(place.database.noted)
    with structlog.testing.capture_logs() as logs:
        await place.reload.take_in()
    hints = {line["monitor"]: line["hint"] for line in logs if "hint" in line}
    assert "`tidegauge monitor remove new` takes it out" in hints["new"]
    assert "monitor remove" not in hints["old"]
    assert hints["cart"].endswith("took it; PUT /v1/monitors/cart makes it again")
    assert place.database.noted == [*before, "new", "old"]
