"""Schema of a whole monitor file, and what it becomes in the core's form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from service.config.base import Name, Number, Section, ZoneName
from service.config.sections.columns import ColumnConfig, ServiceConfig
from service.config.sections.deduplicate import AnyDeduplicate
from service.config.sections.detectors import DetectorConfigs, check_detectors
from service.config.sections.drift import DriftConfig
from service.config.sections.drift_methods import check_methods
from service.config.sections.labels import LabelsConfig
from service.config.sections.performance import (
    PerformanceLimits,
    check_performance,
    own_limits,
    tolerances,
    written_limits,
)
from service.config.sections.quality import QualityConfig
from service.config.sections.season import NO_SEASON, SeasonWord, check_season, season_of
from service.config.sections.task import TaskKeys, check_segments, task_from
from service.config.sections.window import AlarmConfig, WindowConfig
from service.config.time_zone import zone_of
from service.config.written import Label, Word
from service.core.blocks.plan import BlockRules
from service.core.deduplicate import DeduplicatePlan
from service.core.profile import row_sample
from service.core.reference.outcome_blocks import OutcomeBlockRules
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import TaskName
from service.core.season.season import DAY, Season, SeasonKind
from service.core.time_units import SECOND
from service.core.windows.window import Unit
from service.methods.drift import domain_classifier, pca
from service.methods.health import TrafficPlan
from service.methods.measure_window import MeasurePlan
from service.methods.quality.limits import QualityLimits
from service.sources.context import LabelFile
from service.sources.registry import SOURCES, AnyReference, AnySource
from service.sources.table_config import table_format

if TYPE_CHECKING:
    from service.core.rows.task import Task
    from service.core.season.season import AutoSeason
    from service.core.season.zone import Zone


def _kind_alone(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class Monitor(Section):
    """One watched model."""

    name: Name
    description: str = ""
    source: AnySource
    reference: AnyReference
    columns: dict[str, Annotated[ColumnConfig, BeforeValidator(_kind_alone)]] = Field(min_length=1)
    missing_words: tuple[Word, ...] | None = None
    id: str | None = None
    deduplicate: AnyDeduplicate = None
    labels: LabelsConfig | None = None
    service: ServiceConfig | None = None
    task: Literal["regression", "binary", "multiclass"] | None = None
    prediction: str | None = None
    target: str | None = None
    score: str | None = None
    scores: dict[Label, str] = Field(default={})
    positive: Label | None = None
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    window: WindowConfig
    season: SeasonWord = "none"
    timezone: ZoneName | None = None
    drift: DriftConfig = DriftConfig()
    alarm: AlarmConfig = AlarmConfig()
    quality: QualityConfig = Field(default={})
    performance: PerformanceLimits | None = None
    by: tuple[Word, ...] = ()
    segment_performance: dict[str, Annotated[Number, Field(allow_inf_nan=False)]] = Field(default={})
    sample_rows: int = Field(default=row_sample.SIZE, ge=0, le=row_sample.MAX_SIZE)
    detectors: DetectorConfigs = Field(default={})
    estimate: bool = True
    cycle_seconds: float | None = Field(default=None, ge=0, le=86_400)

    @model_validator(mode="after")
    def _names_agree(self) -> Monitor:
        check_performance(self.performance, self._task, estimate=self.estimate)
        check_detectors(self.detectors, self._task)
        check_segments(self.by, self.segment_performance, self._kinds, self._task)
        self.reference.check(self.source)
        if self.sensitive and self.reference.sent(self.source) is not None:
            raise ValueError(
                "reference: rows that come cannot say how sensitive labels are written "
                "before they are hashed; expected a path"
            )
        if self.reference.moving is not None:
            self.window.check_panes(self.reference.moving.plan().windows or 1)
        if self.reference.moving is not None and self.drift.is_calibrated:
            raise ValueError(
                "drift.thresholds: calibrated thresholds hold for the declared reference, not for one that "
                "moves and is itself a few windows; with reference.moving expected evidently or thresholds "
                "by method, such as {wasserstein: 0.2}"
            )
        if self.window.size is not None and not self.source.has_times:
            raise ValueError(
                "window.size: the source has no timestamp, so windows are counted in rows; expected size_rows"
            )
        check_season(self.season, self.timezone, self.drift, self.source, self.reference)
        check_methods(self.drift, self._kinds)
        self._joint_measures_have_what_they_need()
        self._other_names_are_free()
        self._labels_have_rows()
        self._duplicates_have_ids()
        self._updated_rows_count_once()
        self._classes_are_not_sensitive()
        return self

    def _classes_are_not_sensitive(self) -> None:
        for key, name in (("target", self.target), ("prediction", self.prediction)):
            if name in self.sensitive:
                raise ValueError(
                    f"{key}: {name!r} is sensitive, and classes are named in thresholds and measurements; "
                    f"expected a {key} whose values may be shown"
                )

    @property
    def block_rules(self) -> BlockRules | None:
        """What the blocks of the reference follow; None where thresholds decide on drift."""
        if not self.drift.is_calibrated:
            return None
        plan = self.window.plan()
        whole_days = plan.unit is Unit.TIME and plan.hop % DAY == 0
        season = Season(SeasonKind.NONE, self.zone)  # the reference's own wins, where it has one
        return BlockRules(timed=self.source.has_times, whole_days=whole_days, season=season)

    @property
    def panes_behind(self) -> int | None:
        """How many panes before a window its reference has; None where it has all before."""
        moving = self.reference.moving
        if moving is None:
            return 0
        plan = moving.plan()
        return None if plan.windows is None else plan.panes_behind(self.window.plan())

    @property
    def sensitive(self) -> frozenset[str]:
        """The columns whose values are hashed before anything is counted, kept or shown."""
        return frozenset(name for name, config in self.columns.items() if config.sensitive)

    def _updated_rows_count_once(self) -> None:
        if self.labels is not None and self.source.labels_update_rows and self.deduplicate is None:
            raise ValueError(
                "labels: a row whose label is filled in comes again, and would count twice; "
                "expected deduplicate: id"
            )

    def _duplicates_have_ids(self) -> None:
        if self.deduplicate is None:
            return
        if self.id is None:
            raise ValueError("deduplicate: needs id, the column by which rows are told apart")
        if not self.source.has_times:
            raise ValueError("deduplicate: needs the source's timestamp, by which ids are forgotten")

    @property
    def deduplicate_plan(self) -> DeduplicatePlan | None:
        """How rows that come again are found; None where they count again."""
        if self.deduplicate is None:
            return None
        return DeduplicatePlan(self.deduplicate.within, self.source.late_by_us)

    def _labels_have_rows(self) -> None:
        if self.labels is None:
            return
        if not self.source.brings_labels:
            able = " or ".join(source.kind() for source in SOURCES if source.brings_labels)
            raise ValueError(f"labels: a {self.source.type} source has none; expected a {able}")
        if self.source.labels_from_file and self.labels.path is None:
            raise ValueError("labels: expected path, the file of labels")
        if not self.source.labels_from_file and self.labels.path is not None:
            raise ValueError(
                f"labels.path: labels of a {self.source.type} source are sent, as its rows are; expected none"
            )
        if not self.source.has_times:
            raise ValueError("labels: needs the source's timestamp, by which late labels follow their rows")
        if self.id is None:
            raise ValueError("labels: needs id, the column by which a label finds its row")
        if self._task is None:
            raise ValueError("labels: needs a prediction and a target, which this monitor does not name")
        if (self.labels.target or self.target) == (self.labels.id or self.id):
            raise ValueError("labels: id and target are one column; expected two")
        if self.target in self.by:
            raise ValueError(f"by: {self.target!r} is the target, which comes late; expected another column")

    def _other_names_are_free(self) -> None:
        if self.id is not None and self.id in self.columns:
            raise ValueError(f"id: {self.id!r} is watched; expected another column, or unique: true there")
        for key, name in self._served.items():
            config = self.columns.get(name)
            if config is not None and config.kind is not Kind.NUMERICAL:
                raise ValueError(f"service.{key}: {name!r} is {config.kind}; expected numerical")
            if name == self.id:
                raise ValueError(f"service.{key}: {name!r} is the id; expected another column")

    @property
    def _served(self) -> dict[str, str]:
        return {} if self.service is None else self.service.model_dump(exclude_none=True)

    @property
    def _task_keys(self) -> TaskKeys:
        return TaskKeys(
            task=None if self.task is None else TaskName(self.task),
            prediction=self.prediction,
            target=self.target,
            score=self.score,
            scores=self.scores,
            positive=self.positive,
            threshold=self.threshold,
        )

    @property
    def _kinds(self) -> dict[str, Kind]:
        return {name: config.kind for name, config in self.columns.items()}

    @property
    def _task(self) -> Task | None:
        return task_from(self._task_keys, self._kinds)

    @property
    def _features(self) -> list[str]:
        features = (column for column in self.schema_.columns if column.role is Role.FEATURE)
        return [column.name for column in features if column.kind is not Kind.TEXT]

    def _joint_measures_have_what_they_need(self) -> None:
        if pca.PCA in self.drift.multivariate and len(self._features) < pca.MIN_COLUMNS:
            raise ValueError(
                "drift.multivariate: pca needs two columns that are neither prediction nor target"
            )
        if not self.sample_rows and domain_classifier.DOMAIN_CLASSIFIER in self.drift.multivariate:
            raise ValueError("sample_rows: is 0; the domain_classifier learns from sampled rows")

    @property
    def zone(self) -> Zone:
        """The time zone of the monitor's hours and days."""
        return zone_of(self.timezone or "UTC")

    @property
    def season_(self) -> Season | AutoSeason | None:
        """The season by which windows are matched with the reference, in the core's form; None for none."""
        return season_of(self.season, self.zone)

    @property
    def schema_(self) -> Schema:
        """The watched columns in the core's form."""
        roles = dict.fromkeys(self._task_keys.predicted_columns, Role.PREDICTION)
        if self.target is not None:
            roles[self.target] = Role.TARGET
        columns = [
            Column(
                name,
                config.kind,
                roles.get(name, Role.FEATURE),
                config.min,
                config.max,
                number=config.number_format,
                missing_words=self.missing_words if config.missing_words is None else config.missing_words,
                unit=config.unit,
            )
            for name, config in self.columns.items()
        ]
        others = (name for name in dict.fromkeys(self._served.values()) if name not in self.columns)
        columns += [Column(name, Kind.NUMERICAL, Role.SERVICE) for name in others]
        return Schema(tuple(columns), self._task, self.id, exact_ids=self.deduplicate is not None)

    @property
    def own_limits(self) -> tuple[str, ...]:
        """The performance metrics whose limits come from the reference's own blocks."""
        if self.reference.moving is not None and self.performance is None:
            return ()  # what is compared with changes from window to window
        return own_limits(self.performance, self._task)

    @property
    def outcome_rules(self) -> OutcomeBlockRules | None:
        """How the reference's outcome is kept by block; None where nothing is judged by it."""
        if not self.measure_plan.needs_outcome_blocks:
            return None
        plan = self.window.plan()
        length = plan.hop * plan.panes
        if plan.unit is Unit.ROWS:
            return OutcomeBlockRules(self.source.has_times, window_rows=length)
        return OutcomeBlockRules(self.source.has_times, window=length)

    @property
    def label_file(self) -> LabelFile | None:
        """How late labels come, in the sources' form; None where all labels come with their rows."""
        config, identity, target = self.labels, self.id, self.target
        if config is None or identity is None or target is None:
            return None
        return LabelFile(
            path=None if config.path is None else Path(config.path),
            timestamp=config.timestamp.column,
            identity=config.id or identity,
            target=config.target or target,
            kind=self.columns[target].kind,
            wait_us=config.wait,
            number=self.columns[target].number_format,
            form=table_format(config.timestamp, config.csv),
        )

    @property
    def measure_plan(self) -> MeasurePlan:
        """What to measure, in the methods' form."""
        return MeasurePlan(
            drift=self.drift.plan(seasonal=self.season != NO_SEASON),
            performance=written_limits(self.performance),
            min_rows=self.window.min_rows,
            expectations={name: config.expectation for name, config in self.columns.items()},
            traffic=self._traffic,
            segment_performance=self.segment_performance,
            false_alarm_rate=self.drift.false_alarm_rate,
            own_limits=self.own_limits,
            tolerances=tolerances(self.performance),
            quality=QualityLimits(
                self.quality, {name: config.quality for name, config in self.columns.items()}
            ),
        )

    @property
    def _traffic(self) -> TrafficPlan | None:
        if self.service is None:
            return None
        seconds = None if self.window.size is None else self.window.size / SECOND
        return TrafficPlan(self.service.latency_ms, self.service.error, seconds)
