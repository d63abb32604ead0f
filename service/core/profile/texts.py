"""What is counted of texts besides their lengths: empty ones, words, and words that are new.

`TextCounts` of one column is a commutative monoid over rows, all of it integers. The reference fixes which
words are known (`spec/vocabulary.py`).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.part import Part
from service.core.profile.spec.vocabulary import words_of
from service.core.rows import row_hash
from service.core.rows.batch import Texts
from service.core.rows.schema import Kind
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.spec.vocabulary import Vocabulary
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema


@dataclass(frozen=True, slots=True)
class TextCounts:
    """What is counted of a column's texts.

    Attributes:
        vocabulary: The fingerprint of the words that are known; without one every word is unknown.
        empty: Texts that hold nothing but white space.
        words: All words.
        unknown: Words that the vocabulary does not have.
        first: The smallest hash of a text, None without one.
        last: The largest hash of a text, equal to the smallest where all texts are the same.

    """

    vocabulary: str = ""
    empty: int = 0
    words: int = 0
    unknown: int = 0
    first: int | None = None
    last: int | None = None

    @property
    def is_constant(self) -> bool:
        """Whether all rows with a text have the same one."""
        return self.first is not None and self.first == self.last


def empty(known: Vocabulary | None) -> TextCounts:
    """Return the counts of no rows: the identity of `merge`."""
    return TextCounts("" if known is None else known.fingerprint)


def of(column: Texts, known: Vocabulary | None) -> TextCounts:
    """Count a column's texts and words."""
    present = [text for text in column.texts.tolist() if text is not None]
    hashes = row_hash.of_words(present)
    counts = words_of(column)
    often = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
    new = often
    if known is not None:
        new = often[~np.isin(row_hash.of_words(list(counts)), known.hashes)]
    return TextCounts(
        "" if known is None else known.fingerprint,
        empty=sum(not text or text.isspace() for text in present),
        words=int(often.sum()),
        unknown=int(new.sum()),
        first=int(hashes.min()) if present else None,
        last=int(hashes.max()) if present else None,
    )


def merge(parts: Sequence[TextCounts]) -> TextCounts:
    """Return the counts of all rows of `parts`, which stay as they are.

    Raises ProfileError where there is no part or where parts were counted with other vocabularies.
    """
    if not parts:
        raise ProfileError("merge: no part given; expected at least one part, it may be empty")
    for part in parts:
        if part.vocabulary != parts[0].vocabulary:
            raise ProfileError(
                f"texts counted with the vocabularies {parts[0].vocabulary!r} and {part.vocabulary!r} cannot "
                "be merged; expected parts made with the same reference"
            )
    return TextCounts(
        parts[0].vocabulary,
        empty=sum(part.empty for part in parts),
        words=sum(part.words for part in parts),
        unknown=sum(part.unknown for part in parts),
        first=min((part.first for part in parts if part.first is not None), default=None),
        last=max((part.last for part in parts if part.last is not None), default=None),
    )


def _empty(schema: Schema, spec: ProfileSpec) -> dict[str, TextCounts]:
    return {
        column.name: empty(spec.vocabularies.get(column.name))
        for column in schema.columns
        if column.kind is Kind.TEXT
    }


def _of(batch: Batch, schema: Schema, spec: ProfileSpec, _: int) -> dict[str, TextCounts]:
    found = _empty(schema, spec)
    for name in found:
        column = batch.columns.get(name)
        if isinstance(column, Texts):
            found[name] = of(column, spec.vocabularies.get(name))
    return found


def _merge(sides: Sequence[dict[str, TextCounts]], _: int) -> dict[str, TextCounts]:
    return {name: merge([side[name] for side in sides]) for name in sides[0]}


def _encode(texts: dict[str, TextCounts], _: ArrayWriter) -> Json:
    return {name: astuple(counts) for name, counts in texts.items()}


def _decode(form: Json, _: ArrayReader) -> dict[str, TextCounts]:
    return {name: TextCounts(*entry) for name, entry in form.items()}


PART: Part[dict[str, TextCounts]] = Part("texts", _empty, _of, _merge, _encode, _decode)
