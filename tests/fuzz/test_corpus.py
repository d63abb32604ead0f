"""What fuzzing has found, and samples of each format: every decoder takes or refuses them by our errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_decoder_takes_or_refuses_what_is_kept(path: Path) -> None:
    """Neither another error nor a crash, whatever the bytes are."""
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_decoder_takes_or_refuses_every_beginning(name: str) -> None:
    """What is kept, broken off at some places, and with a byte changed here and there."""
    seeds = [path for path in FILES if path.parent.name == name]
    assert seeds
    for path in seeds[:4]:
        content = path.read_bytes()
        step = max(1, len(content) // 24)
        for place in range(0, len(content), step):
            TARGETS[name](content[:place])
            TARGETS[name](content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
