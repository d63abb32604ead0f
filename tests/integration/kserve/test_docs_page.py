"""The examples of docs/kserve.md work as written."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import asyncpg
import numpy as np
import pandas as pd
import yaml

from tests.integration.inbox.live import living

PAGE = Path("docs/kserve.md").read_text()


def _commands() -> list[list[str]]:
    block = next(block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "curl" in block)
    return [shlex.split(each) for each in block.replace("\\\n", " ").split("\n") if each]


async def test_the_commands_measure_a_row(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """By the monitor file of the page, each answered as the page says."""
    monitor = yaml.safe_load(next(re.finditer(r"```yaml\n(.*?)```", PAGE, re.DOTALL))[1])
    random = np.random.default_rng(7)
    rows = pd.DataFrame({name: random.normal(0, 1, 100) for name in ("amount", "score", "chargeback")})
    rows.assign(country="PT").to_csv(tmp_path / "validation.csv", index=False)
    monitor["reference"] = {"path": str(tmp_path / "validation.csv")}
    answers = []
    async with living(pool, tmp_path, **monitor) as live:
        for command in _commands():
            values: dict[str, list[str]] = {"-H": [], "-d": []}
            for flag, value in pairwise(command):
                if flag in values:
                    values[flag].append(value)
            headers = dict(each.split(": ", 1) for each in values["-H"])
            path = re.sub(r"^http://[^/]+", "", command[3]).replace("/fraud/", "/toy/")
            answers.append(await live.client.post(path, content=values["-d"][0], headers=headers))
        assert [answer.status_code for answer in answers] == [202, 202]
        assert f"`{answers[0].text.replace(',', ', ').replace(':', ': ')}`" in PAGE
        assert (await live.run()).record.rows == 1
