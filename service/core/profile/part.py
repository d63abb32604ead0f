"""The protocol of a profile's parts: how one is made, merged, corrected and stored.

A part is a commutative monoid over rows, so that merging the parts of any split gives the whole, bit for bit.
It is one file with a `PART` and one line in `parts.py`; nothing else of a profile knows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema

T = TypeVar("T")

NOT_KEPT = "not kept by the build that wrote these panes"  # the reason of what a part would give


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """The functions of one part, whose values are of type T.

    Attributes:
        name: The part's name in stored bytes. A part whose bytes change their meaning gets a new name.
        empty: Returns the value of no rows, the identity of `merge`.
        of: Returns the value of a batch's rows; of distinct numbers or hashes it keeps at most the limit.
        merge: Returns the value of all rows of one or more values; raises ProfileError where they were made
            differently.
        encode: Returns a value as JSON; arrays go to the writer, and their places into the JSON.
        decode: Returns the value that `encode` was given. What it raises on other input is a CodecError to
            the caller.
        late: Returns what late labels add: the value of the labelled rows less that of the same rows without
            their labels. None: labels change nothing in this part.

    """

    name: str
    empty: Callable[[Schema, ProfileSpec], T]
    of: Callable[[Batch, Schema, ProfileSpec, int], T]
    merge: Callable[[Sequence[T], int], T]
    encode: Callable[[T, ArrayWriter], Json]
    decode: Callable[[Json, ArrayReader], T]
    late: Callable[[Batch, Batch, Schema, ProfileSpec, int], T] | None = None


class StoredPart(NamedTuple):
    """A part's stored bytes: JSON and arrays in `body`, what no compression shrinks in `hashes`."""

    body: bytes
    hashes: bytes
