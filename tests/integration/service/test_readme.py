"""The commands and examples of the README and of the docs work as written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from service.config.settings import PREFIX, Settings
from tests.service_process import Place

README, MONITOR = Path("README.md").read_text(), Path("docs/monitor.md").read_text()


def _block(language: str, containing: str, page: str = README) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)
    (found,) = (block for block in blocks if containing in block)
    return found


@pytest.mark.parametrize("page", [README, MONITOR], ids=["README", "monitor"])
def test_the_monitor_file_measures_ones_own_parquet(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """The short example and the full one, over a Parquet file of one's own, are checked, run and read."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    for name in ("data", "monitors"):
        (tmp_path / name).mkdir()
    text = _block("yaml", "config/monitors/churn.yaml", page).replace("/data/", f"{tmp_path}/data/")
    (tmp_path / "monitors/churn.yaml").write_text(text)
    random = np.random.default_rng(3)
    for name, rows in (("predictions", 1_400), ("validation", 2_000)):
        truth = random.uniform(0, 90, rows)
        pd.DataFrame(
            {
                "predicted_at": pd.date_range("2026-01-01", periods=rows, freq="12min", tz="UTC"),
                "tenure": random.integers(0, 80, rows),
                "plan": random.choice(["basic", "plus"], rows),
                "comment": random.choice(["", "too dear", "all is well here"], rows),
                "score": truth + random.normal(0, 5, rows),
                "churned_in_days": truth,
            }
        ).to_parquet(tmp_path / f"data/{name}.parquet")
    place = Place(tmp_path)
    checked = place.command("check")
    assert checked.returncode == 0, checked.stderr
    ran = place.command("run", "--max-cycles", "20")
    assert ran.returncode == 0, ran.stderr
    printed = place.command("metrics", "--monitor", "churn", "--metric", "mae", "--segment", "").stdout
    assert printed.splitlines()[-1] == "12 measurements"


@pytest.mark.parametrize("query", re.findall(r"SELECT.*?;", _block("sql", "tidegauge.metrics"), re.DOTALL))
async def test_the_queries_run(pool: object, query: str) -> None:
    """Each query of the README is valid on the migrated schema."""
    rows = await pool.fetch(re.sub(r"--.*", "", query))  # type: ignore[attr-defined]
    assert rows == []


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_variable_is_documented(name: str) -> None:
    """The page on running the service and the example file name each variable that it reads."""
    variable = PREFIX + name.upper()
    assert variable in Path("docs/operate.md").read_text()
    assert variable in Path(".env.example").read_text()
