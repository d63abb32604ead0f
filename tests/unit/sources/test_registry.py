"""The promises of every kind of source: the service relies on them and never on the kind."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from pydantic import TypeAdapter

from service.sources.registry import SOURCES, AnySource
from tests.unit.sources.context import context

if TYPE_CHECKING:
    from pathlib import Path

    from service.sources.base import SourceConfig

# One section of each kind, as small as it can be; `{folder}` holds rows.csv.
SECTIONS: dict[str, dict[str, Any]] = {
    "replay": {"path": "{folder}/rows.csv", "timestamp": "at", "step": "1d"},
    "dummy": {},
    "http": {"timestamp": "at"},
    "otlp": {"event_name": "prediction"},
    "kserve": {"inference_service": "toy"},
    "table": {"table": "rows", "timestamp": "at"},
    "kafka": {"brokers": "127.0.0.1:9092", "topic": "rows"},
    "files": {"path": "{folder}/*.csv", "timestamp": "at", "max_ahead": "36500d"},
}
REMOTE = {"kafka", "table"}  # their rows are on a server: tests of takes are tests/integration/KIND


HERE = [source.kind() for source in SOURCES if source.kind() not in REMOTE]
PEEKED = [source.kind() for source in SOURCES if source.can_be_peeked and source.kind() in HERE]


@pytest.fixture(params=[source.kind() for source in SOURCES])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> SourceConfig:
    """Read each kind's section as a monitor file has it."""
    pd.DataFrame({"at": ["2024-01-01T00:00:00Z"], "size": [1.0]}).to_csv(tmp_path / "rows.csv", index=False)
    section = {
        key: value.replace("{folder}", str(tmp_path)) if isinstance(value, str) else value
        for key, value in SECTIONS[request.param].items()
    }
    return TypeAdapter(AnySource).validate_python({"type": request.param, **section})


def test_a_kind_is_named_once() -> None:
    """Two kinds of one name would make `type` ambiguous."""
    names = [source.kind() for source in SOURCES]
    assert len(set(names)) == len(names)


def test_a_section_builds_a_source(config: SourceConfig) -> None:
    """A built source can be closed without ever having been read."""
    source = config.build(context())
    assert inspect.iscoroutinefunction(source.take)
    asyncio.run(source.close())


@pytest.mark.parametrize("config", PEEKED, indirect=True)
def test_a_source_that_can_be_peeked_gives_the_same_rows_again(config: SourceConfig) -> None:
    """Its first rows are there before the service runs, and taking them leaves no trace."""

    async def peek() -> list[list[int]]:
        takes = []
        for _ in range(2):
            source = config.build(context())
            takes.append((await source.take(None)).batch.event_time.tolist())
            await source.close()
        return takes

    first, again = asyncio.run(peek())
    assert first == again
    assert len(first) == 1


@pytest.mark.parametrize("config", HERE, indirect=True)
def test_only_a_source_that_is_not_live_ends(config: SourceConfig) -> None:
    """A take of a live source never says that it was the last, nor how far the source has been read."""

    async def last() -> tuple[bool, bool]:
        source, position = config.build(context()), None
        for _ in range(5):
            take = await source.take(position)
            position = take.position
        await source.close()
        return take.exhausted, take.progress is not None

    ended, has_progress = asyncio.run(last())
    assert ended is has_progress is not config.is_live


def test_a_stretch_of_the_sources_file_needs_its_time_column(config: SourceConfig) -> None:
    """A source that names its file names the column by which rows are cut from it."""
    assert config.file is None or config.time_column is not None


@pytest.mark.parametrize("kind", [each for each in SOURCES if "allowed_lateness" in each.model_fields])
def test_ids_are_remembered_as_long_as_a_late_row_may_come(kind: type[SourceConfig]) -> None:
    """A source that rejects late rows says how late the others may be: by that ids are forgotten."""
    made = kind.model_construct(allowed_lateness=7, max_ahead=2)
    assert made.late_by_us == 9
