"""Whether the methods that a section `drift` names exist, and measure the columns that they are named for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.config.nearest import suggestion
from service.errors import ConfigurationError
from service.methods.drift import domain_classifier, pca, registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.config.sections.drift import DriftConfig
    from service.core.rows.schema import Kind


def check_methods(drift: DriftConfig, kinds: Mapping[str, Kind]) -> None:
    """Check a section against the kinds of the columns. Raises ValueError with the nearest name."""
    if isinstance(drift.thresholds, dict):
        known = {name for m in registry.ALL for name in (m.name, m.full_name)}
        known |= {*pca.TESTS, domain_classifier.AUC}
        for name, threshold in drift.thresholds.items():
            if name in known:
                _check_threshold(name, threshold)
                continue
            raise ValueError(f"drift.thresholds.{name}: no such method; {suggestion(name, known)}")
    for column in drift.columns:
        if column not in kinds:
            raise ValueError(f"drift.columns: {column!r} is not among the columns")
    for column, kind in kinds.items():
        for name in drift.columns.get(column, ()):
            _find(name, kind, f"drift.columns.{column}")
    for name in drift.methods or ():
        if not any(_exists(name, kind) for kind in kinds.values()):
            _find(name, next(iter(kinds.values())), "drift.methods")


def _check_threshold(name: str, threshold: float) -> None:
    methods = [method for method in registry.ALL if name in {method.name, method.full_name}]
    is_share = name == domain_classifier.AUC or any(m.unit in {"p-value", "ROC AUC"} for m in methods)
    if threshold < 0 or (is_share and threshold > 1):
        expected = "0 to 1" if is_share else "0 or more"
        raise ValueError(
            f"drift.thresholds.{name}: {threshold:g} is no value that it can have; expected {expected}"
        )


def _exists(name: str, kind: Kind) -> bool:
    try:
        _find(name, kind, "")
    except ValueError:
        return False
    return True


def _find(name: str, kind: Kind, where: str) -> None:
    if name == "default":
        return
    try:
        registry.find(name, kind)
    except ConfigurationError as error:
        raise ValueError(f"{where}: {error}") from error
