"""Change-point detectors on the stream of a model's errors, row by row, and their stored state.

Guarantee: fed the same errors, in whatever portions and with whatever restarts between, a detector finds the
changes that river 0.26's detector of that name finds. They are implemented here because importing river takes
five seconds and 170 MB, and because its state is a pickle, which bytes from a database should never be. Ours
is JSON: the name, the parameters, and what the detector counted.

Input: all of them expect errors between 0 and 1, and the binary ones (`ddm`, `eddm`, `hddm_a`, `hddm_w`) only
0 or 1: a classifier's errors as they are. For a regression model's absolute errors they need a `limit` from
the reference (`limit_of`): binary ones read whether an error is larger, the others its share of the limit, at
most 1, so that an absurd row weighs no more than any other.
"""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import Field, asdict, dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from service.core.profile.distribution import quantile
from service.errors import CodecError, ConfigurationError
from service.methods.concept.adwin import Adwin
from service.methods.concept.change_point import Ddm, Eddm, HddmA, HddmW, Kswin, PageHinkley

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution

    Value = bool | int | float | str


class Detector(Protocol):
    """Takes one value at a time; a dataclass whose fields are its parameters and its whole state."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def update(self, value: float, /) -> bool:
        """Take one value; return whether the stream has changed."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was found; errors count as they were fed, up to `MAX_ERROR`.

    index: the place of the row among the errors fed.
    row: its place among all usable errors of the stream, from 0.
    time: its event time (UTC microseconds).
    level: the mean error of the newest `rows` since the last change.
    rows: how many these are, at most `RECENT`.
    before: the mean error of the `rows_before` between the last change and these, None without any.
    rows_before: how many those are.
    """

    index: int
    row: int
    time: int
    level: float
    rows: int
    before: float | None
    rows_before: int


@dataclass(slots=True)
class _Level:
    # The errors since the last change: the newest, and the sum and number of those before them.
    total: float = 0.0
    rows: int = 0
    recent: list[float] = field(default_factory=list)

    def add(self, error: float) -> None:
        self.recent.append(min(error, MAX_ERROR))
        if len(self.recent) > RECENT:
            self.total += self.recent.pop(0)
            self.rows += 1

    def change(self, index: int, row: int, time: int) -> Change:
        before = self.total / self.rows if self.rows else None
        level = math.fsum(self.recent) / len(self.recent)
        return Change(index, row, time, level, len(self.recent), before, self.rows)


@dataclass(slots=True)
class _State:
    name: str
    stream: str
    detector: Detector
    limit: float | None
    row: int
    level: _Level


VERSION = 1
DETECTORS: Mapping[str, type[Detector]] = MappingProxyType(
    {
        "adwin": Adwin,
        "page_hinkley": PageHinkley,
        "ddm": Ddm,
        "eddm": Eddm,
        "hddm_a": HddmA,
        "hddm_w": HddmW,
        "kswin": Kswin,
    }
)
BINARY = frozenset({"ddm", "eddm", "hddm_a", "hddm_w"})
# A count beyond a limit shows a change in the scale of normal errors best where 13 % lie beyond it.
BINARY_QUANTILE = 0.87
SCALE_QUANTILE = 0.99
MAX_ERROR = 1e100  # sums of squares of errors up to here are finite
RECENT = 50  # newest errors that a change's level is taken over: of 0 and 1 a mean good to 0.07
POSITIVE = {"clock", "max_buckets", "min_window_length", "grace_period", "min_instances", "warm_start"}
POSITIVE |= {"window_size", "stat_size", "threshold", "drift_threshold"}
SHARES = {"delta", "alpha", "beta", "drift_confidence", "lambda_val"}


def limit_of(name: str, reference: Distribution, share: float | None = None) -> float:
    """Return the limit that a regression model's errors are read by: a quantile of the reference's.

    `reference` counts the absolute errors of the reference's rows; `share` is 0.87 for a binary detector and
    0.99 for another unless given. Raises ProfileError where the reference has no error.
    """
    default = BINARY_QUANTILE if name in BINARY else SCALE_QUANTILE
    return quantile(reference, default if share is None else share)


def start(
    name: str,
    parameters: Mapping[str, Value] = MappingProxyType({}),
    *,
    limit: float | None = None,
    stream: str = "",
) -> bytes:
    """Return the state of a new detector (`adwin`, `page_hinkley`, `ddm` ...) that has seen no error.

    `parameters` have river's names. Without `limit` errors are read as they are. `stream` identifies what
    they are errors of. Raises ConfigurationError for an unknown name (with the nearest one) or a value that
    does not suit.
    """
    if limit is not None and not (math.isfinite(limit) and limit >= 0.0):
        raise ConfigurationError(f"detector {name!r}: limit {limit}; expected a finite number from 0")
    return _encoded(_State(name, stream, _detector(name, parameters), limit, 0, _Level()))


def resume(state: bytes, fresh: bytes) -> bytes:
    """Return `state` where it is of the same detector, parameters, limit and stream as `fresh`, else `fresh`.

    A state of an earlier version gives `fresh` too. Raises CodecError where `state` is not one.
    """
    stored, wanted = _loaded(state), json.loads(fresh)
    asked = ("version", "detector", "stream", "parameters", "limit")
    return state if all(stored.get(key) == wanted[key] for key in asked) else fresh


def check_parameter(name: str, key: str, value: Value) -> None:
    """Raise ConfigurationError where detector `name` has no parameter `key`, or `value` does not suit it."""
    known = {field.name: field.default for field in fields(_kind(name)) if field.init}
    if key not in known:
        raise ConfigurationError(f"detector {name!r} has no parameter {key!r}; {_nearest(key, known)}")
    _check(name, key, value, known[key])


def feed(
    state: bytes, errors: NDArray[np.float64], times: NDArray[np.int64]
) -> tuple[bytes, tuple[Change, ...]]:
    """Feed errors in the order of their time; return the state after them and the changes, oldest first.

    `errors` (float64, shape (n,)): absolute errors, or 0 and 1; a row that is NaN or infinite is skipped.
    `times` (int64, shape (n,)): their event times. After a change the detector restarts. Raises CodecError
    where `state` is not one, ValueError where a binary detector without a limit reads an error other than 0
    or 1.
    """
    if len(errors) != len(times):
        raise ValueError(f"{len(errors)} errors with {len(times)} times; expected one each")
    now = _decoded(state)
    places = np.flatnonzero(np.isfinite(errors))
    values = _read(now.name, errors[places], now.limit)
    changes = []
    rows = zip(places.tolist(), errors[places].tolist(), values.tolist(), strict=True)
    for index, error, value in rows:
        now.level.add(error)
        if now.detector.update(value):
            changes.append(now.level.change(index, now.row, int(times[index])))
            now.detector, now.level = _detector(now.name, _parameters(now.detector)), _Level()
        now.row += 1
    return _encoded(now), tuple(changes)


def _read(name: str, errors: NDArray[np.float64], limit: float | None) -> NDArray[np.float64]:
    if limit is None:
        if (np.abs(errors) > MAX_ERROR).any():
            raise ValueError(f"detector {name!r} cannot read an error beyond {MAX_ERROR:g}; give it a limit")
        if name in BINARY and not ((errors == 0.0) | (errors == 1.0)).all():
            raise ValueError(f"detector {name!r} reads 0 or 1; give it a limit for errors of another size")
        return errors
    if name in BINARY or limit == 0.0:
        return (errors > limit).astype(np.float64)
    return np.minimum(errors, limit) / limit


def _kind(name: str) -> type[Detector]:
    kind = DETECTORS.get(name)
    if kind is None:
        raise ConfigurationError(f"no detector {name!r}; {_nearest(name, DETECTORS)}")
    return kind


def _detector(name: str, parameters: Mapping[str, Value]) -> Detector:
    kind = _kind(name)
    for key, value in parameters.items():
        check_parameter(name, key, value)
    detector: Detector = kind(**parameters)
    if isinstance(detector, Kswin) and detector.stat_size * 2 > detector.window_size:
        raise ConfigurationError(
            f"detector 'kswin': stat_size {detector.stat_size} with window_size {detector.window_size}; "
            "expected a window of twice that or more, so that as many rows can be drawn before the newest"
        )
    return detector


def _check(name: str, key: str, value: Value, default: object) -> None:
    expected = "a finite number"
    suits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(default, bool):
        expected, suits = "true or false", isinstance(value, bool)
    elif isinstance(default, str):
        expected, suits = "up, down or both", value in ("up", "down", "both")
    elif isinstance(default, int):
        expected, suits = "a whole number", isinstance(value, int) and not isinstance(value, bool)
    if suits and key in POSITIVE:
        expected, suits = f"{expected} above 0", not isinstance(value, str) and value > 0
    if suits and key in SHARES:
        expected, suits = "a number between 0 and 1", not isinstance(value, str) and 0.0 < value < 1.0
    if not suits:
        raise ConfigurationError(f"detector {name!r}: {key} is {value!r}; expected {expected}")


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(known)}"


def _parameters(detector: Detector) -> dict[str, Value]:
    names = [field.name for field in fields(detector) if field.init]
    return {name: getattr(detector, name) for name in names}


def _encoded(now: _State) -> bytes:
    parameters = _parameters(now.detector)
    counted = {key: value for key, value in asdict(now.detector).items() if key not in parameters}
    state = {"version": VERSION, "detector": now.name, "stream": now.stream, "parameters": parameters}
    state |= {"limit": now.limit, "row": now.row, "level": asdict(now.level), "state": counted}
    return json.dumps(state, separators=(",", ":"), allow_nan=False).encode()


def _loaded(state: bytes) -> dict[str, Any]:
    try:
        known = json.loads(state)
    except ValueError as error:
        raise CodecError(f"{len(state)} bytes are not a detector's state: {error}") from error
    if not isinstance(known, dict):
        raise CodecError(f"a detector's state is a {type(known).__name__}; expected an object")
    return known


def _decoded(state: bytes) -> _State:
    known = _loaded(state)
    try:
        if known["version"] != VERSION:
            raise CodecError(
                f"a detector's state of version {known['version']} cannot be read; expected {VERSION}"
            )
        detector = _detector(known["detector"], known["parameters"])
        counted = known["state"]
        expected = set(asdict(detector)) - set(_parameters(detector))
        if set(counted) != expected:
            raise CodecError(f"a detector's state holds {sorted(counted)}; expected {sorted(expected)}")
        for key, value in counted.items():
            setattr(detector, key, value)
        level = _Level(**known["level"])
        return _State(known["detector"], known["stream"], detector, known["limit"], known["row"], level)
    except (ValueError, KeyError, TypeError, AttributeError, ConfigurationError) as error:
        raise CodecError(f"{len(state)} bytes are not a detector's state: {error}") from error
