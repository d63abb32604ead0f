"""`tidegauge status` as a person runs it: every monitor in words, without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import asyncpg
import pytest
import yaml

from service.store.tables import story
from tests.service_process import Place, lay_out

README = Path("README.md").read_text()
FLIGHTS = Path("config/monitors/flights.yaml")


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Lay out a folder over a database of the test's own."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    return lay_out(tmp_path / "place", days=12)


def test_before_the_first_cycle_every_file_is_there(place: Place) -> None:
    """A monitor that has not run waits, one whose file has a fault says which; neither is an alarm."""
    (place.root / "monitors/broken.yaml").write_text("source: {type: replai}\n")
    done = place.command("status")
    assert done.returncode == 0, done.stderr
    head, broken, toy = done.stdout.splitlines()
    assert head.split() == ["monitor", "state", "since", "story"]
    assert re.fullmatch(r"broken +not run yet +- +Its file cannot be used: .*broken\.yaml:1: .*\.", broken)
    assert re.fullmatch(r"toy +not run yet +- +Waiting: no cycle has worked yet\.", toy)


def test_a_monitor_that_does_not_exist_is_named(place: Place) -> None:
    """A slip in a name is a wrong setting: the nearest is given, and nothing is said of any monitor."""
    done = place.command("status", "--monitor", "toi")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--monitor: no monitor is named 'toi'; the nearest is 'toy'" in done.stderr


async def test_what_is_printed_is_what_dashboards_read(place: Place, pool: asyncpg.Pool) -> None:
    """As a table and as JSON: state, since when and the text of the view `stories`; an alarm is status 1."""
    path = place.root / "monitors/toy.yaml"
    path.write_text(f"{path.read_text()}performance: {{mae: 0.01}}\n")
    assert place.command("run", "--max-cycles", "20").returncode == 0
    (told,) = await story.read_all(pool)
    assert told.state == "alarm"
    assert told.since_event_time is not None
    done = place.command("status", "--monitor", "toy", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == [
        {
            "monitor": "toy",
            "state": "alarm",
            "since": told.since_event_time.isoformat(),
            "story": told.story,
            "replica": None,
        }
    ]
    table = place.command("status")
    assert table.returncode == 1
    since = f"{told.since_event_time:%Y-%m-%d %H:%M}"
    assert table.stdout.splitlines()[1:] == [f"toy      alarm  {since}  {told.story}"]


@pytest.mark.slow
def test_the_demo_tells_the_story_of_the_readme(
    tmp_path: Path, database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many days of the replay, `tidegauge status` prints what the README shows."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    days, shown = re.search(r"On day (\d+) .*?```text\n(.*?)```", README, re.DOTALL).groups()  # type: ignore[union-attr]
    place = Place(tmp_path)
    (tmp_path / "monitors").mkdir()
    monitor = yaml.safe_load(FLIGHTS.read_text().replace("{data_dir}", str(data_dir)))
    (tmp_path / "monitors/flights.yaml").write_text(yaml.safe_dump(monitor))
    ran = place.command("run", "--max-cycles", days)
    assert ran.returncode == 0, ran.stderr
    printed = place.command("status", "--monitor", "flights")
    assert printed.returncode == 1
    assert printed.stdout.split() == shown.split()
