"""The base of every source section: what a kind of source can do, and how it is built."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, get_args

from service.config.base import Section
from service.sources.hindrance import missing_path
from service.sources.table_format import PLAIN

if TYPE_CHECKING:
    from pathlib import Path

    from service.core.rows.masking import RowMask
    from service.sources.context import SourceContext
    from service.sources.protocol import Receiver, Source
    from service.sources.table_format import TableFormat


class SourceConfig(Section):
    """A monitor file's `source` section. A subclass names its kind (`type: Literal[...]`) and adds its keys.

    The rest of the service asks these attributes and never which kind it has; each defaults to "cannot".

    - `is_live`: rows are taken as they come, so that the moment of the take says when they arrived, and there
      is no end towards which progress could be shown.
    - `can_be_peeked`: its first rows can be taken without a trace, and are there before the service runs.
    - `brings_labels`: it hands over labels that come after their rows (`SourceContext.labels`).
    - `labels_update_rows`: they may also be filled in where the rows are, which then come again.
    - `labels_from_file`: these are read from a file, which the section `labels` names; else they are sent.
    - `keeps_sent_rows`: its rows are sent to it as rows, so that a monitor that is sent may have it.
    - `gives_reference`: the first rows that come, or a stretch of them, can be the monitor's reference.
    - `can_be_read_again`: its rows can be taken again from its start.
    - `masks_itself`: what it gives is masked already (`core/rows/masking.py`).
    """

    is_live: ClassVar[bool] = False
    can_be_peeked: ClassVar[bool] = False
    brings_labels: ClassVar[bool] = False
    labels_update_rows: ClassVar[bool] = False
    labels_from_file: ClassVar[bool] = False
    keeps_sent_rows: ClassVar[bool] = False
    gives_reference: ClassVar[bool] = False
    can_be_read_again: ClassVar[bool] = True
    masks_itself: ClassVar[bool] = False

    @classmethod
    def kind(cls) -> str:
        """Return the kind's name, as `type` has it in a monitor file."""
        return str(get_args(cls.model_fields["type"].annotation)[0])

    @property
    def file(self) -> Path | None:
        """The file that holds all rows, of which a reference can be a stretch; None where there is none."""
        return None

    @property
    def time_column(self) -> str | None:
        """The column of each row's event time, which a reference file may have too; None where unknown."""
        return None

    @property
    def has_times(self) -> bool:
        """Whether its rows have times of their own; else windows and paces count rows."""
        return True

    @property
    def start_moves(self) -> bool:
        """Whether a source that was never measured starts elsewhere each time."""
        return False

    @property
    def late_by_us(self) -> int:
        """How far a row that is taken may lie behind the newest one, in event time (microseconds)."""
        return 0

    @property
    def idle_after_us(self) -> int:
        """After how much silence its event time goes on by the clock (microseconds), where rows are sent."""
        return 0

    @property
    def table_format(self) -> TableFormat:
        """How the source's file is written, which holds for a reference file that does not say its own."""
        return PLAIN

    @property
    def gives_masked_rows(self) -> bool:
        """Whether what the source gives is masked already."""
        return self.masks_itself

    def hindrance(self) -> str | None:
        """Return why this machine cannot read its rows, whatever they are; None where nothing is known."""
        return None if self.file is None else missing_path(self.file)

    def receiver(self, context: SourceContext, masking: RowMask) -> Receiver | None:
        """Return what reads the rows that are sent to the monitor; None where none can be sent."""
        del context, masking
        return None

    @abstractmethod
    def build(self, context: SourceContext) -> Source:
        """Return the source; nothing is opened or read yet."""
