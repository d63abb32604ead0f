"""What everything is compared with: the profile of the data that the model was validated on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core import codec

if TYPE_CHECKING:
    from service.core.profile import Profile


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference's profile, made once, and the fingerprint of its bytes."""

    profile: Profile
    fingerprint: str


def of(profile: Profile) -> Reference:
    """Make a reference of a profile; equal profiles have equal fingerprints."""
    return Reference(profile, hashlib.sha256(codec.encode(profile)).hexdigest()[:16])
