"""Monitor files that are sent: read as a file is, and bounded in what they may name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from service.config.sent_monitor import FOLDER, read_sent, text_of
from service.errors import ConfigurationError

GOOD = {
    "source": {"type": "http", "timestamp": "at"},
    "reference": {"first_rows": 20},
    "columns": {"size": "numerical"},
    "window": {"size": "1h"},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Lay out a data folder with a secret, a reference, and links that lead in and out."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    (tmp_path / "hash.key").write_text("secret\n")
    (folder / "ref.csv").write_text("at,size\n")
    (folder / "out.csv").symlink_to(tmp_path / "hash.key")
    (folder / "away").symlink_to(tmp_path)
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    return tmp_path


def _with_path(path: str) -> str:
    return yaml.safe_dump(GOOD | {"reference": {"path": path}})


def test_yaml_and_json_are_one(data: Path) -> None:
    """JSON that is no YAML, with tabs and its own escapes, is read too."""
    as_json = json.dumps(GOOD | {"description": "caf\u00e9 \U0001f600"}, indent="\t").replace(
        "http", "\\u0068ttp"
    )
    found = read_sent("shop", as_json, data)
    assert (found.name, found.description) == ("shop", "caf\u00e9 \U0001f600")
    plain = yaml.safe_dump(GOOD | {"description": "caf\u00e9 \U0001f600"}, allow_unicode=True)
    assert read_sent("shop", plain, data) == found


def test_all_faults_are_named_as_those_of_a_file(data: Path) -> None:
    """One line each, with line, key and the nearest name."""
    with pytest.raises(ConfigurationError) as caught:
        read_sent("shop", yaml.safe_dump(GOOD | {"windo": 1, "columns": {"size": "number"}}), data)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert any("windo: no such key; the nearest is window" in line for line in lines)
    assert all(line.startswith("shop.yaml:") for line in lines)


def test_a_reference_is_a_file_of_its_folder(data: Path) -> None:
    """By its name, or by an absolute path within."""
    for path in ("ref.csv", str(data / FOLDER / "ref.csv"), "../references/ref.csv"):
        found = read_sent("shop", _with_path(path), data)
        assert found.reference.model_dump()["path"] == str((data / FOLDER / "ref.csv").resolve())


@pytest.mark.parametrize(
    "path",
    [
        "../hash.key", "/etc/passwd", "out.csv", "away/hash.key", "loop.csv", "*.csv", ".", "", "none.csv",
        "x" * 5_000, "../references",
    ],
)  # fmt: skip
def test_no_other_path_of_the_disk_is_read(data: Path, path: str) -> None:
    """Traversal, links, patterns and folders are refused alike, whether there is such a file or not."""
    with pytest.raises(ConfigurationError, match=r"reference.path: the folder of references has no file"):
        read_sent("shop", _with_path(path), data)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reference": {"path": "${HOME}/ref.csv"}}, "names no variables"),
        ({"description": "${TIDEGAUGE_HASH_KEY}"}, "names no variables"),
        ({"reference": {"path": "{data_dir}/hash.key"}}, "names no variables"),
        (
            {"source": {"type": "replay", "path": "/etc/passwd", "timestamp": "at", "step": "1d"}},
            "expected 'http', got 'replay'",
        ),
        ({"name": "other"}, "is 'other', and it was sent for 'shop'"),
    ],
)
def test_what_a_sent_file_may_not_name(data: Path, changed: dict[str, object], said: str) -> None:
    """No variable of the service, no source that reads by itself, no other name."""
    with pytest.raises(ConfigurationError, match=said):
        read_sent("shop", yaml.safe_dump(GOOD | changed), data)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "x" * 64, "-x"])
def test_a_name_is_one(data: Path, name: str) -> None:
    """It is part of paths and charts."""
    with pytest.raises(ConfigurationError, match="no monitor can be named"):
        read_sent(name, yaml.safe_dump(GOOD), data)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a: \x00", b"a" * 300_000])
def test_a_body_that_is_no_text_is_refused(body: bytes) -> None:
    """Bytes, NUL characters and files of data."""
    with pytest.raises(ConfigurationError, match="the monitor file"):
        text_of(body)
