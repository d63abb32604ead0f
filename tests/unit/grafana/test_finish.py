"""No committed dashboard shows a fault that was seen in a real Grafana, and each check sees its fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.grafana import finish, finish_queries
from tests.unit.grafana.broken import BROKEN
from tests.unit.grafana.dashboards import FILES, ROOT, Json, all_sql, load

CHECKS = (*finish.CHECKS, *finish_queries.CHECKS)

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@each_file
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_no_dashboard_has_the_fault(path: Path, check: Callable[[Json], list[str]]) -> None:
    """The committed JSON, not the builder, is free of the fault."""
    assert check(load(path)) == []


@each_file
def test_first_screen_asks_few_questions(path: Path) -> None:
    """With its rows collapsed as shipped, a dashboard asks at most 30 queries per refresh."""
    assert 0 < finish_queries.queries_per_refresh(load(path)) <= finish_queries.MAX_QUERIES


def test_the_docs_say_how_many() -> None:
    """The fewest and the most queries per refresh are those of the committed dashboards."""
    asked = [finish_queries.queries_per_refresh(load(path)) for path in FILES]
    said = f"asks between {min(asked)} and {max(asked)} queries per refresh"
    assert said in " ".join((ROOT / "docs" / "dashboards.md").read_text().split())


def test_pages_are_listed_in_the_order_of_use() -> None:
    """The list of pages sorts by title: overview, monitor, column, why, health, dummy."""
    by_title = sorted(FILES, key=lambda path: str(load(path)["title"]))
    assert [path.stem for path in by_title] == ["overview", "monitor", "column", "decline", "health", "dummy"]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_check_sees_its_fault(fault: str) -> None:
    """Each fault, put into the committed JSON, turns its check red."""
    check, stem, put = BROKEN[fault]
    (path,) = (path for path in FILES if path.stem == stem)
    dashboard = load(path)
    before = json.dumps(dashboard)
    put(dashboard)
    assert json.dumps(dashboard) != before
    assert check(dashboard) != []


def test_every_check_was_seen_to_fail() -> None:
    """No check is without a fault that turns it red."""
    assert {check for check, _, _ in BROKEN.values()} == set(CHECKS)


@each_file
def test_no_query_may_lose_its_segment(path: Path) -> None:
    """Whichever query of a dashboard forgets to choose a segment, the check names it."""
    for name, sql in all_sql(load(path)).items():
        for found in re.finditer(r"(?:\w\.)?segment = ''(?: AND)?", sql):
            dashboard = json.loads(path.read_text().replace(json.dumps(sql), json.dumps(_cut(sql, found))))
            assert name in finish_queries.segments_mixed_in(dashboard) or "tidegauge.event" in sql, name


def _cut(sql: str, found: re.Match[str]) -> str:
    return sql[: found.start()] + sql[found.end() :]
