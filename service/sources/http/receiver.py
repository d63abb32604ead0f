"""Read what is sent to a monitor, when it comes: rows and labels as the inbox keeps them.

A row's time is its own. Where it has none, it is that of its arrival. One that cannot be read, or that lies
too far ahead of the arrival, makes its row a reject. Sensitive columns are masked before anything is kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from service.config.base import duration_text
from service.core.inbox import BatchKind, Received
from service.core.rows.batch import steps_back
from service.core.rows.id_sums import NO_ROWS, sums_of
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.take import Take
from service.core.time_units import to_datetime
from service.errors import InboxUnavailableError, NoInboxError, ReferenceDataError, UnreadableRowsError
from service.sources.http import stored_batch
from service.sources.http.content import RowShape, decoded
from service.sources.http.content_types import RowFormat, decompressed, format_of
from service.sources.http.plain.rows import MAX_BYTES as PLAIN_BYTES
from service.sources.http.plain.rows import PlainReader
from service.sources.http.table_limits import MAX_BYTES
from service.sources.tables.event_time import MISSING, USABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.inbox import Posted
    from service.core.rows.batch import Batch
    from service.core.rows.masking import RowMask
    from service.core.rows.take import Reject
    from service.sources.context import LabelFile
    from service.sources.http.content import Decoded

KEPT_REJECTS = 100  # of a request
PLAIN_FORMATS = {each.value: each for each in (RowFormat.JSON, RowFormat.JSON_LINES)}
RETRY_SECONDS = 30  # until the reference may be there


@dataclass(frozen=True, slots=True)
class HttpReceiver:
    """Reads what is sent to one monitor.

    - `monitor`: its name
    - `shape`: what is read of rows
    - `masking`: of its sensitive columns
    - `ahead_us`: how far a row's time may lie ahead of its arrival (microseconds)
    - `labels`: how late labels are written; None where the monitor expects none
    - `plain_rows`, `plain_labels`: read small requests of these; None where they have to be read in full
    """

    monitor: str
    shape: RowShape
    masking: RowMask
    ahead_us: int
    labels: LabelFile | None
    plain_rows: PlainReader | None = field(init=False, compare=False, repr=False)
    plain_labels: PlainReader | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        masks = bool(self.masking.masking.columns)
        labels = None if self.labels is None or masks else _label_reader(self.labels)
        object.__setattr__(self, "plain_rows", None if masks else PlainReader(self.shape))
        object.__setattr__(self, "plain_labels", labels)

    def read_at_once(self, kind: BatchKind, posted: Posted, received: int) -> Received | None:
        """Return what of a small request can be kept, in a fraction of a millisecond.

        None where `read_rows` or `read_labels` has to read it, which gives the same for what is read here.
        """
        form = PLAIN_FORMATS.get(posted.content_type)
        reader = self.plain_rows if kind is BatchKind.ROWS else self.plain_labels
        if form is None or reader is None or posted.encoding or len(posted.body) > PLAIN_BYTES:
            return None
        found = reader.read(posted.body, form, received, received + self.ahead_us)
        if found is None:
            return None
        return Received(found.payload, found.rows, 0, (), NO_ROWS, _digest(posted.body))

    def read_rows(self, posted: Posted, received: int) -> Received:
        """Return the rows of a request that came at `received` (UTC microseconds).

        Raises IntakeError where its content cannot be read, is too large, or no row of it can be used.
        """
        return self._read(posted, received, self.shape)

    def read_labels(self, posted: Posted, received: int) -> Received:
        """Return the labels of a request that came at `received` (UTC microseconds).

        Raises IntakeError as `read_rows` does, and where the monitor expects no labels.
        """
        labels = self.labels
        if labels is None:
            raise NoInboxError(
                f"{self.monitor} expects no labels that come after their rows; to expect them write id, "
                "target and `labels: {wait: 30d}` in its monitor file"
            )
        return self._read(posted, received, _label_shape(labels), needed=(labels.identity, labels.target))

    def read_decoded(
        self, found: Decoded, received: int, *, refused: Sequence[Reject], digest: bytes
    ) -> Received:
        """Return what of decoded rows that came at `received` can be kept, which may be none.

        `refused` are the rejects among those that could not be decoded; they are masked as well. How many
        there are is for the caller to add. Raises InboxUnavailableError.
        """
        batch, rejects, rejected = self._timed(found, received, self.shape)
        return self._kept(found, batch, (*refused, *rejects), rejected, digest)

    def _read(
        self, posted: Posted, received: int, shape: RowShape, *, needed: Sequence[str] = ()
    ) -> Received:
        content_format = format_of(posted.content_type)
        content = decompressed(posted.body, posted.encoding, MAX_BYTES)
        found = decoded(content, content_format, shape)
        for name in needed:
            if name not in found.batch.columns and found.batch.rows:
                raise UnreadableRowsError(
                    f"the labels have no {name!r}; expected {' and '.join(needed)} in each"
                )
        batch, rejects, rejected = self._timed(found, received, shape)
        if rejected and not batch.rows:
            raise UnreadableRowsError(
                f"none of the {rejected} rows can be used: the first {rejects[0].reason.strip()}"
            )
        return self._kept(found, batch, rejects, rejected, _digest(content))

    def _kept(
        self, found: Decoded, batch: Batch, rejects: tuple[Reject, ...], rejected: int, digest: bytes
    ) -> Received:
        kept = sums_of(batch.arrival.identity, batch.rows)
        rejected_ids = sums_of(found.batch.arrival.identity, found.batch.rows) - kept
        masked = self._masked(Take(batch, {}, rejects=rejects))
        payload = stored_batch.encode(masked.batch)
        return Received(payload, masked.batch.rows, rejected, masked.rejects, rejected_ids, digest)

    def _masked(self, take: Take) -> Take:
        try:
            return self.masking.take(take)
        except ReferenceDataError as error:  # it says how the labels of sensitive columns are written
            raise InboxUnavailableError(str(error), retry_seconds=RETRY_SECONDS) from error

    def _timed(self, found: Decoded, received: int, shape: RowShape) -> tuple[Batch, tuple[Reject, ...], int]:
        batch = found.batch
        micros = np.full(batch.rows, received, dtype=np.int64)
        if found.times is None:
            return replace(batch, event_time=micros), (), 0
        known = found.times.reasons == USABLE
        micros[known] = found.times.micros[known]
        too_far = micros > received + self.ahead_us
        refused = too_far | ~(known | (found.times.reasons == MISSING))
        rows = np.flatnonzero(refused)
        rejects = self._rejects(found, rows[:KEPT_REJECTS], too_far, received, shape) if len(rows) else ()
        kept = np.flatnonzero(~refused)
        chosen = replace(batch, event_time=micros)
        chosen = chosen.take(kept) if len(rows) else chosen
        backwards = steps_back(chosen.event_time)
        return replace(chosen, arrival=replace(chosen.arrival, backwards=backwards)), rejects, len(rows)

    def _rejects(
        self,
        found: Decoded,
        rows: NDArray[np.intp],
        too_far: NDArray[np.bool_],
        received: int,
        shape: RowShape,
    ) -> tuple[Reject, ...]:
        from service.sources.tables.from_pandas import rejects_of  # noqa: PLC0415 - pandas, for rows that need it

        times, timestamp = found.times, shape.timestamp
        if times is None or timestamp is None:
            return ()
        made = rejects_of(found.frame(rows), times.reasons[rows], timestamp, shape.form.time)
        ahead = (
            f"{timestamp} is more than {duration_text(self.ahead_us)} ahead of the row's arrival at "
            f"{to_datetime(received):%Y-%m-%dT%H:%M:%SZ}"
        )
        return tuple(
            replace(reject, reason=ahead) if too_far[row] else reject
            for reject, row in zip(made, rows.tolist(), strict=True)
        )


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _label_shape(labels: LabelFile) -> RowShape:
    columns = (
        Column(labels.identity, Kind.CATEGORICAL),
        Column(labels.target, labels.kind, Role.TARGET, number=labels.number),
    )
    return RowShape(Schema(columns, identity=labels.identity), labels.timestamp, labels.form)


def _label_reader(labels: LabelFile) -> PlainReader:
    return PlainReader(_label_shape(labels), needed=(labels.identity, labels.target))
