"""Evidently's reports of a running service: at a breach by itself, over HTTP, and by command."""

from __future__ import annotations

import asyncio
import html
import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.service_process import MONITOR, end, lay_out

BREACHING = f"{MONITOR}performance: {{mae: 0.001}}\n"


def _get(address: str) -> tuple[str, dict[str, str]]:
    with urllib.request.urlopen(address, timeout=120) as answer:  # noqa: S310 - our own API
        return answer.read().decode(), dict(answer.headers)


async def test_a_breach_makes_a_report_that_people_can_read(tmp_path: Path) -> None:
    """The alarm's window is reported by itself; the same report comes by HTTP, and by command afterwards."""
    place = lay_out(tmp_path / "place", days=300)
    (place.root / "monitors/toy.yaml").write_text(BREACHING)
    process = place.start(TIDEGAUGE_CYCLE_SECONDS="0.2")
    try:
        await asyncio.to_thread(place.until, "report made of a breach", process)
        made = re.search(r'"window": (\d+), "event": "report made of a breach"', place.log)
        address = re.search(r"http://127.0.0.1:\d+", place.log)
        assert made
        assert address
        windows_url = f"{address[0]}/v1/monitors/toy/windows"
        listed = json.loads((await asyncio.to_thread(_get, f"{windows_url}?limit=1000"))[0])
        window = next(entry for entry in listed if entry["id"] == int(made[1]))
        page, headers = await asyncio.to_thread(_get, f"{windows_url}/{window['id']}/report")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(_get, f"{windows_url}/{listed[0]['id'] + 10_000}/report")
    finally:
        status = end(process, signal.SIGTERM)
    assert status == 0, place.log
    rows = f"{window['rows']:,}"
    assert f"Drawn from a seeded sample: {rows} of the window's {rows} rows" in html.unescape(page)
    assert headers["content-security-policy"].startswith("sandbox")
    written = tmp_path / "report.html"
    done = place.command("report", "--monitor", "toy", "--window", made[1], "--output", str(written))
    assert (done.returncode, done.stdout.strip()) == (0, str(written)), done.stderr
    assert "2024-" in written.read_text()[:2_000_000]
    assert place.command("report", "--monitor", "tox").returncode == 2
