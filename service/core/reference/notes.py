"""Notes on a table's cells: words for missing values, and numbers that a double cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.distribution import inexact
from service.core.profile.outcome.row_errors import row_errors
from service.core.rows.batch import Labels, Numbers
from service.core.rows.missing_words import NULL_WORDS, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Column, Schema

MIN_COPIES = 100  # labelled rows, before being right in all of them is strange


def notes_on(batch: Batch, schema: Schema, where: str) -> tuple[str, ...]:
    """Return a line for each column of a batch, as its file gave it, that may not be read as it was meant.

    `where` says what the batch is: `reference`, `source`.
    """
    return tuple(note for column in schema.columns for note in _of_column(batch, column, where))


def _of_column(batch: Batch, column: Column, where: str) -> Iterator[str]:
    held = batch.columns.get(column.name)
    if isinstance(held, Numbers):
        rows = int(inexact(held.values).sum())
        if rows:
            yield (
                f"{column.name}: {rows:,} of {batch.rows:,} {where} rows hold a number beyond 2**53, which a "
                "numerical column cannot tell from its neighbours; categorical keeps all digits of a code"
            )
    if isinstance(held, Labels):
        yield from _null_words(batch, column, held, where)


def _null_words(batch: Batch, column: Column, held: Labels, where: str) -> Iterator[str]:
    places = np.flatnonzero(np.isin(held.labels, NULL_WORDS))
    counts = np.bincount(held.codes[held.codes >= 0], minlength=len(held.labels))[places]
    for word, rows in zip(held.labels[places].tolist(), counts.tolist(), strict=True):
        if not rows:
            continue
        found = f"{column.name}: {rows:,} of {batch.rows:,} {where} rows hold {word!r}, which is taken as "
        if word in words_of(column):
            yield f"{found}missing; where it is a label, say missing_words: [] of the column"
        else:
            yield f"{found}a category; where it is none, say missing_words: [{word!r}] of the column"


def note_on_copies(batch: Batch, schema: Schema) -> tuple[str, ...]:
    """Return a line where the prediction is right in every row: one of two copied columns is no answer."""
    task = schema.task
    if task is None or task.prediction is None:
        return ()
    errors = row_errors(batch, schema)
    known = errors[~np.isnan(errors)]
    if len(known) < MIN_COPIES or known.any():
        return ()
    note = (
        f"prediction: {task.prediction!r} equals {task.target!r} in all {len(known):,} labelled reference "
        "rows; where one is a copy of the other, the performance says nothing of the model"
    )
    return (note,)
