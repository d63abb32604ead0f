"""What is sent in every fault run: rows and labels that are late, repeated, ahead, too late and useless."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from service.core.rows.id_sums import sums_of
from service.core.rows.row_hash import of_texts
from tests.integration.inbox.live import lay_out, row

if TYPE_CHECKING:
    from pathlib import Path

NAME = "toy"
SOURCE = {
    "type": "http",
    "timestamp": "at",
    "max_ahead": "1m",
    "allowed_lateness": "10m",
    "idle_after": "300d",  # no clock closes a window: what is measured depends on the rows alone
}


@dataclass(frozen=True)
class Request:
    """Rows or labels that are sent in one request, under a key."""

    what: str
    key: str
    content: tuple[dict[str, Any], ...]

    @property
    def body(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(self.content).encode()

    def recorded(self) -> str:
        """Return the line of the sender's record."""
        ids = np.array([each["key"] or "" for each in self.content], dtype=np.str_)
        sums = sums_of(of_texts(ids), len(ids))
        line = {"monitor": NAME, "what": self.what, "key": self.key}
        return json.dumps(line | {"rows": sums.rows, "ids": sums.ids, "mixed": sums.mixed}) + "\n"


def lay_out_monitor(folder: Path) -> None:
    """Write the monitor's file and its reference."""
    for name in ("data", "monitors"):
        (folder / name).mkdir(parents=True)
    drift = {"methods": ["ks", "psi:robust"], "multivariate": ["pca"]}  # no method of the worker process
    path = lay_out(folder, source=SOURCE, labels={"wait": "60d"}, drift=drift)
    content = yaml.safe_load(path.read_text())
    path.unlink()
    (folder / "monitors/toy.yaml").write_text(yaml.safe_dump(content))


def _rows(prefix: str, count: int, first: float, last: float, seed: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    minutes = random.uniform(first, last, count)
    return [
        row(
            f"{prefix}{place}",
            minute,
            size=float(random.normal(0, 1)),
            colour=str(random.choice(["red", "green", "blue"])),
            guess=float(random.normal(10, 3)),
        )
        for place, minute in enumerate(minutes.tolist())
    ]


def _labels(keys: list[str], seed: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [{"key": key, "truth": float(random.normal(10, 3))} for key in keys]


def _named(prefix: str, places: range) -> list[str]:
    return [f"{prefix}{place}" for place in places]


def _request(what: str, key: str, content: list[dict[str, Any]]) -> Request:
    return Request(what, key, tuple(content))


# Sent one after the other, and taken by a cycle or two.
FIRST = (
    _request("rows", "A", _rows("a", 20, 0, 3, 1)),
    _request("labels", "LA", [*_labels(_named("a", range(8)), 2), *_labels(_named("b", range(4)), 3)]),
    _request("rows", "B", [*_rows("b", 12, 2, 15, 4), row("bad", 3, at="soon")]),
)

# Sent while the database is away, or while the answer to the first one's commit is lost.
AWAY = (
    _request("rows", "C", [*_rows("c", 10, 9, 18, 5), row("too late", 1)]),
    _request(
        "labels", "LC", [*_labels([*_named("a", range(6, 12)), "nobody"], 6), {"key": None, "truth": 1.0}]
    ),
    _request("rows", "D", _rows("d", 6, 12, 20, 7)),
    FIRST[0],
)

# Closes the windows.
LAST = (
    _request("labels", "LD", _labels([*_named("c", range(5)), *_named("e", range(2))], 8)),
    _request("rows", "E", _rows("e", 6, 24, 26, 9)),
)


def stream(requests: int, seed: int) -> list[Request]:
    """Return a longer stream: two requests of rows and one of labels in turn, a fifth of a minute apart.

    No row is labelled twice: the second label would be a reject at once or in the end, by when cycles ran.
    """
    random = np.random.default_rng(seed)
    found, unlabelled = list[Request](), list[str]()
    for number in range(requests):
        if number % 3 == 2:  # two requests of rows, one of labels
            ahead = f"s{number + 1}-0"
            chosen = random.choice(unlabelled, size=4, replace=False).tolist()
            unlabelled = [key for key in unlabelled if key not in chosen]
            found.append(_request("labels", f"l{number}", _labels([*chosen, ahead], seed + number)))
            continue
        minute = number * 0.2
        rows = _rows(f"s{number}-", 5, max(0.0, minute - 2), minute + 0.1, seed + number)
        if number % 7 == 0:
            rows.append(row(f"bad{number}", minute, at="soon"))
        if number % 11 == 10:  # now and then
            rows.append(row(f"too late{number}", max(0.0, minute - 30)))
        is_labelled = number % 3 == 0 and number > 0  # its first row, ahead of it
        unlabelled += [each["key"] for each in rows[1 if is_labelled else 0 :]]
        found.append(_request("rows", f"r{number}", rows))
        if number % 5 == 4:  # now and then
            found.append(found[int(random.integers(len(found)))])
    return [*found, _request("rows", "end", _rows("end", 6, requests * 0.2 + 20, requests * 0.2 + 22, seed))]
