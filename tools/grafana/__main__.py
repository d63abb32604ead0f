"""Write the dashboards' JSON, or with `--check` name the files that are not up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.grafana.pages import column, decline, dummy, health, monitor, overview

if TYPE_CHECKING:
    from tools.grafana.fields import Json

FOLDER = Path(__file__).parents[2] / "config" / "grafana" / "dashboards"
DASHBOARDS = {
    "overview": overview.dashboard,
    "monitor": monitor.dashboard,
    "column": column.dashboard,
    "decline": decline.dashboard,
    "health": health.dashboard,
    "dummy": dummy.dashboard,
}


def text_of(dashboard: Json) -> str:
    """Return the text of a dashboard's file; its keys are sorted, so that a diff shows what changed."""
    return json.dumps(dashboard, indent=2, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Write every file, or check them; return 1 where a checked one is not up to date."""
    stale = []
    for name, build in DASHBOARDS.items():
        path, text = FOLDER / f"{name}.json", text_of(build())
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(text)
    if "--check" in arguments and stale:
        sys.stderr.write(f"out of date with tools/grafana: {', '.join(stale)}; run `make dashboards`\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
