"""The words of the page: on which side of a threshold a value lies, what comes in, and silence."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Locator, expect

from service.core.read_models import IntakeState, RefusedRows
from tests.browser.conftest import Opened
from tests.browser.test_states import NOW, Door
from tests.unit.status.values import window_value

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

INCOMING = IntakeState(
    taken=43_649, refused=12, repeated=1, unpaired=0, lag_seconds=90.0, backlog=5, waiting=2,
    reasons=[
        RefusedRows(reason="no usable time in 'at': " + "x" * 900, rows=11, newest=NOW),
        RefusedRows(reason="<b>no number</b>", rows=1, newest=NOW - timedelta(hours=3)),
    ],
)  # fmt: skip
DRIFTED = {"unit": "share", "threshold": 0.5, "breached": True, "severity": 1.0}


async def test_what_comes_in_is_said(opened: Opened) -> None:
    """Lag, backlog, repeats, waiting halves, and refused rows with their reasons, on a phone too."""
    door = Door(
        "shop", window_value("drift", "drift_share", 0.1, threshold=0.5, breached=False, severity=0.2)
    )
    door.incoming = INCOMING
    async with door.open() as url:
        seen = await opened(f"{url}/#/shop")
        panel = seen.page.get_by_role("region", name="Rows coming in")
        await expect(panel).to_be_visible()
        facts = await panel.locator("dl > div").all_inner_texts()
        assert [text.split("\n") for text in facts] == [
            ["Taken in the last hour", "43,649 rows"],
            ["Behind", "90\u00a0s"],
            ["Not measured yet", "5 rows"],
            ["Sent again, counted once, in the last hour", "1 row"],
            ["Waiting for their other halves", "2 events"],
            ["Given up without their other halves, in the last hour", "0 events"],
            ["Refused in the last hour", "12 events"],
        ]
        rows = panel.locator("tbody tr")
        await expect(rows).to_have_count(2)
        await expect(rows.nth(1)).to_contain_text("<b>no number</b>")
        await expect(rows.nth(1)).to_contain_text("3 h ago")
        assert len(await rows.nth(0).locator("th").inner_text()) == 300
        await seen.page.set_viewport_size({"width": 390, "height": 844})
        assert await seen.page.evaluate("document.documentElement.scrollWidth") == 390
        assert seen.faults == []


async def test_a_replay_of_good_rows_has_no_such_panel(opened: Opened) -> None:
    """Past rows are behind nothing, and wait for nothing."""
    async with Door("shop", window_value("drift", "drift_share", 0.1)).open() as url:
        seen = await opened(f"{url}/#/shop")
        await expect(seen.page.get_by_role("heading", name="s report")).to_be_visible()
        await expect(seen.page.get_by_role("region", name="Rows coming in")).to_have_count(0)


async def test_a_threshold_that_is_reached_is_not_exceeded(opened: Opened) -> None:
    """A breach at its threshold is at it, a healthy value at it is within, as the story says."""
    zero = {"unit": "share", "threshold": 0.0, "reference": 0.0, "breached": False, "severity": 0.0}
    healthy = window_value("quality", "above_max_share", 0.0, column_name="x", **zero)
    for value, wanted in (
        (healthy, "0 %, within its threshold of 0 %, reference 0 %"),
        (window_value("drift", "drift_share", 0.5, **DRIFTED), "50 %, at its threshold of 50 %"),
        (window_value("drift", "drift_share", 0.6, **DRIFTED), "60 %, above its threshold of 50 %"),
    ):
        async with Door("shop", value).open() as url:
            seen = await opened(url)
            await expect(seen.page.locator(".spark p")).to_contain_text(wanted)
            assert seen.faults == []


async def test_a_silent_monitor_keeps_its_story(opened: Opened) -> None:
    """What held before the cycles stopped is said, and no healthy measurement is shown as the reason."""
    mae = window_value(
        "performance", "mae", 9.0, unit="minutes", threshold=12.0, breached=False, severity=0.7
    )
    latency = window_value("health", "latency_p95", 1.0, unit="ms", reference=1.0)
    door = Door("shop", mae, latency)
    door.cycles = replace(door.cycles, last_cycle=NOW - timedelta(hours=2))
    async with door.open() as url:
        seen = await opened(url)
        await expect(seen.page.locator(".card.alarm .why")).to_have_text(
            re.compile(r"^No cycle for 2\sh; one is due every .+\. Until then: Healthy: ")
        )
        await expect(seen.page.locator(".spark p")).to_contain_text("mae 9 minutes, within its threshold")
        await expect(seen.page.locator(".lead")).to_have_text("The only monitor is in alarm.")


async def test_an_aspect_without_a_threshold_shows_its_first_chart(opened: Opened) -> None:
    """Of health, which is seldom judged, the first measurement of the list is charted."""
    values = (window_value("health", "cycle_ms", 3.0, unit="ms"), window_value("health", "lag_seconds", 1.0))
    async with Door("shop", *values).open() as url:
        seen = await opened(f"{url}/#/shop?aspect=health")
        await expect(seen.page.locator(".chart h3")).to_have_text("cycle ms")
        await expect(seen.page.locator(".numbers input:checked")).to_have_count(1)
        await expect(seen.page.locator("#link")).to_be_visible()


async def test_a_name_leaves_the_order_of_the_rest_alone(opened: Opened) -> None:
    """Letters that run from right to left, or marks that turn those behind them, stay within their name."""
    names = ("\u05e2\u05de\u05d5\u05d3\u05d4", "ab\u202ecd", "a\u2069b\u202ec")
    values = [window_value("drift", "psi", 0.1, column_name=name) for name in names]
    async with Door("shop", *values).open() as url:
        seen = await opened(f"{url}/#/shop")
        shown = seen.page.locator(".numbers tbody a")
        await expect(shown).to_have_count(3)
        for text in await shown.all_inner_texts():
            name, rest = text.split("\u2069", 1)
            assert (name[0], rest) == ("\u2066", " · psi")
        assert await seen.page.locator(".whole-name").count() == 0
        widths = [await _left_to_right(shown.nth(place)) for place in range(3)]
        assert all(widths)
        assert seen.faults == []


async def _left_to_right(link: Locator) -> bool:
    """Return whether the letters of the metric, the last ones, are drawn from left to right."""
    measure = """link => {
        const at = (place) => {
            const range = document.createRange();
            range.setStart(link.firstChild, place);
            range.setEnd(link.firstChild, place + 1);
            return range.getBoundingClientRect().left;
        };
        const end = link.textContent.length;
        return at(end - 3) < at(end - 2) && at(end - 2) < at(end - 1);
    }"""
    return bool(await link.evaluate(measure))
