"""The bytes of earlier builds are read as they were written."""

from __future__ import annotations

import pytest

from service.core.profile.codec import profile as codec
from service.core.profile.parts import PARTS
from tests.unit.core.profile.golden_profiles import GOLDEN, PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_a_golden_pane_is_read(name: str) -> None:
    """Bytes that a build wrote once give the same profile in every later one."""
    assert codec.decode((GOLDEN / f"{name}.pane").read_bytes()) == PROFILES[name]


@pytest.mark.parametrize("name", PROFILES)
def test_a_golden_profile_is_written_so_that_it_is_read(name: str) -> None:
    """What this build writes of the same profile, it reads too."""
    assert codec.decode(codec.encode(PROFILES[name])) == PROFILES[name]


def test_every_part_has_a_golden_pane() -> None:
    """A part without stored bytes could change its form unnoticed."""
    filled = {name for made in PROFILES.values() for name, value in made.parts.items() if value}
    assert filled == {part.name for part in PARTS}
    assert {file.stem for file in GOLDEN.iterdir()} == set(PROFILES)
