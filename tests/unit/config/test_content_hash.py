"""Two replicas have the same file when it says the same."""

from __future__ import annotations

from pathlib import Path

from service.config.content_hash import content_hash
from service.config.monitor_file import load

TEXT = """\
source: {type: http, timestamp: at}
reference: {path: "{data_dir}/reference.csv"}
columns: {amount: numerical, email: categorical}
window: {size: 1h, hop: 5m}
"""


def _hash(folder: Path, text: str, key: bytes = b"key") -> str:
    folder.mkdir(exist_ok=True)
    (folder / "shop.yaml").write_text(text)
    return content_hash(load(folder / "shop.yaml", folder), str(folder), lambda: key)


def test_what_is_said_counts_and_not_how(tmp_path: Path) -> None:
    """Comments, the form of a value and the data folder play no part; a threshold does."""
    said = _hash(tmp_path / "a", TEXT)
    assert _hash(tmp_path / "b", "# of another machine\n" + TEXT.replace("1h", "60m")) == said
    assert _hash(tmp_path / "a", TEXT + "drift: {methods: [psi]}\n") != said
    assert _hash(tmp_path / "a", TEXT, b"another key") == said


def test_the_key_of_sensitive_columns_counts(tmp_path: Path) -> None:
    """By another key the same row would be other values."""
    sensitive = TEXT.replace("email: categorical", "email: {kind: categorical, sensitive: true}")
    assert _hash(tmp_path / "a", sensitive) == _hash(tmp_path / "b", sensitive)
    assert _hash(tmp_path / "a", sensitive, b"another key") != _hash(tmp_path / "b", sensitive)
