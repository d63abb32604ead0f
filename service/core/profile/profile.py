"""The summary of some rows: enough to compute every metric, without the rows.

A profile is a commutative monoid over its rows, composed of its columns and of the parts in `parts.py`.
Guarantee: merging the profiles of any split gives the profile of the whole, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from service.core.profile import columns
from service.core.profile.columns import DISTINCT_LIMIT
from service.core.profile.part import NOT_KEPT
from service.core.profile.parts import PARTS
from service.core.profile.spec import spec
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.part import Part, StoredPart
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Profile:
    """The summary of `rows` rows of one schema.

    Attributes:
        schema: The schema's fingerprint.
        rows: How many rows there are.
        columns: One column profile per schema column, in the schema's order.
        parts: The parts' values by name; one that is absent was not kept by the build that wrote the bytes.
        unknown: Parts read from bytes that this build does not know, as they are stored.

    """

    schema: str
    rows: int
    columns: Mapping[str, ColumnProfile]
    parts: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, StoredPart] = field(default_factory=dict)

    def get(self, part: Part[T]) -> T | None:
        """Return a part's value, None where it was not kept: what rests on it has the reason `NOT_KEPT`."""
        return self.parts.get(part.name)

    def __getitem__(self, part: Part[T]) -> T:
        """Return a part's value. Raises ProfileError where it was not kept."""
        if part.name not in self.parts:
            raise ProfileError(f"profile: the part {part.name!r} was {NOT_KEPT}")
        found: T = self.parts[part.name]
        return found

    def with_part(self, part: Part[T], value: T) -> Profile:
        """Return the profile with another value of one part."""
        return replace(self, parts={**self.parts, part.name: value})


def empty(schema: Schema, spec: ProfileSpec = spec.NONE, *, parts: Sequence[Part[Any]] = PARTS) -> Profile:
    """Return the profile of no rows: the identity of `merge`."""
    return Profile(
        schema.fingerprint,
        0,
        columns.empty(schema),
        {part.name: part.empty(schema, spec) for part in parts},
    )


def of(
    batch: Batch,
    schema: Schema,
    spec: ProfileSpec = spec.NONE,
    *,
    limit: int = DISTINCT_LIMIT,
    parts: Sequence[Part[Any]] = PARTS,
) -> Profile:
    """Profile a batch's rows; at most `limit` distinct numbers are kept of a column.

    Raises ProfileError where `spec` asks for a sample and the rows are not numbered.
    """
    return Profile(
        schema.fingerprint,
        batch.rows,
        columns.of(batch, schema, limit),
        {part.name: part.of(batch, schema, spec, limit) for part in parts},
    )


def completed(
    profile: Profile,
    batch: Batch,
    schema: Schema,
    spec: ProfileSpec,
    *,
    limit: int = DISTINCT_LIMIT,
    parts: Sequence[Part[Any]] = PARTS,
) -> Profile:
    """Return the profile of `batch` with the parts that it lacks, made with `spec`."""
    have = {
        part.name: profile.parts[part.name]
        if part.name in profile.parts
        else part.of(batch, schema, spec, limit)
        for part in parts
    }
    return replace(profile, parts=have)


def of_late_labels(
    labelled: Batch,
    waiting: Batch,
    schema: Schema,
    spec: ProfileSpec = spec.NONE,
    *,
    limit: int = DISTINCT_LIMIT,
    parts: Sequence[Part[Any]] = PARTS,
) -> Profile:
    """Return what late labels add to the profile of the rows `waiting` for them, which are counted already.

    `labelled` are the same rows with their labels. The profile has no rows, and what it holds may be
    negative; merged with that of the waiting rows it gives what the labelled rows at once would have given.
    """
    return Profile(
        schema.fingerprint,
        0,
        columns.late(labelled, waiting, schema, limit),
        {
            part.name: part.empty(schema, spec)
            if part.late is None
            else part.late(labelled, waiting, schema, spec, limit)
            for part in parts
        },
    )


def merge(
    profiles: Sequence[Profile], *, limit: int = DISTINCT_LIMIT, parts: Sequence[Part[Any]] = PARTS
) -> Profile:
    """Return the profile of all rows of `profiles`, which stay as they are.

    A part that one of them does not keep is not kept of the whole: a number over some of the rows would be
    wrong. Nor is one that this build does not know, unless there is nothing to merge it with: even where it
    is the same on all sides, its sum is not known here.

    Raises ProfileError where there is no profile, or where they were made with another schema or spec.
    """
    if not profiles:
        raise ProfileError("merge: no profile given; expected at least one, it may be empty")
    first = profiles[0]
    for other in profiles[1:]:
        if other.schema != first.schema:
            raise ProfileError(
                f"merge: profiles of schema {first.schema} and {other.schema} cannot be merged; "
                "expected profiles made with the same columns, kinds and roles"
            )
    return Profile(
        first.schema,
        sum(each.rows for each in profiles),
        columns.merge([each.columns for each in profiles], limit),
        {
            part.name: part.merge([each.parts[part.name] for each in profiles], limit)
            for part in parts
            if all(part.name in each.parts for each in profiles)
        },
        first.unknown if len(profiles) == 1 else {},
    )
