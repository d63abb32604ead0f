"""What keeps a machine from reading a monitor's rows is found without reading any."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from service.config.monitor import Monitor
from service.config.monitor_file import load
from service.sources.hindrance import missing_package, missing_path
from service.wiring.leases.hindrances import hindrances

COLUMNS = {"columns": {"size": "numerical"}, "window": {"size": "1d"}}


def _monitor(folder: Path, source: dict[str, object], reference: str = "reference.csv") -> Monitor:
    path = folder / "toy.yaml"
    given = {"source": source, "reference": {"path": str(folder / reference)}, **COLUMNS}
    path.write_text(yaml.safe_dump(given))
    (folder / "reference.csv").write_text("size\n1\n")
    return load(path, folder)


@pytest.mark.parametrize("end", ["in", "in/**/*.jsonl", "in/day=*/part.csv"])
def test_a_folder_that_is_not_mounted(tmp_path: Path, end: str) -> None:
    """Its fixed part is looked at; what is in it plays no part."""
    monitor = _monitor(tmp_path, {"type": "files", "path": f"{tmp_path}/{end}", "timestamp": "at"})
    assert hindrances({"toy": monitor}) == {"toy": f"{tmp_path}/in is not there"}
    (tmp_path / "in").mkdir()
    assert hindrances({"toy": monitor}) == {}


def test_a_reference_or_a_replay_that_is_not_here(tmp_path: Path) -> None:
    """Both are files that every replica needs."""
    http = _monitor(tmp_path, {"type": "http", "timestamp": "at"}, "elsewhere.csv")
    replay = _monitor(
        tmp_path, {"type": "replay", "path": f"{tmp_path}/rows.csv", "timestamp": "at", "step": "1d"}
    )
    assert hindrances({"a": http, "b": replay}) == {
        "a": f"{tmp_path}/elsewhere.csv is not there",
        "b": f"{tmp_path}/rows.csv is not there",
    }


def test_a_package_that_is_not_installed(tmp_path: Path) -> None:
    """It is said how to install it; the extras of these tests are all there."""
    said = missing_package("no_such_module.deep", "tidegauge[kafka]", "rows from Kafka")
    assert said == "rows from Kafka need a package that is not installed here: pip install 'tidegauge[kafka]'"
    kafka = {"type": "kafka", "brokers": "127.0.0.1:1", "topic": "t", "timestamp": "at"}
    store = {"type": "files", "path": "s3://bucket/*.csv", "timestamp": "at"}
    avro = kafka | {"format": "avro", "schema_file": f"{tmp_path}/row.avsc"}
    found = {
        name: hindrances({name: _monitor(tmp_path, source)})
        for name, source in {"kafka": kafka, "store": store, "avro": avro}.items()
    }
    assert found == {"kafka": {}, "store": {}, "avro": {"avro": f"{tmp_path}/row.avsc is not there"}}


def test_a_path_that_cannot_be_looked_at() -> None:
    """A name that no file can have is a reason, and no error."""
    assert missing_path("/" + "x" * 300) == f"/{'x' * 300} cannot be reached: File name too long"
