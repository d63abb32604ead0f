"""Two-sample tests of numerical columns."""

from __future__ import annotations

from service.methods.drift.method import Compression, Definition, Method, numbers, p_value
from service.methods.stats import (
    cramer_von_mises,
    epps_singleton,
    error_bounds,
    hypothesis_tests,
    rank_tests,
    t_test,
)

_E, _R = Definition.EVIDENTLY, Definition.ROBUST
_BOUND, _REFUSES = Compression.BOUND, Compression.REFUSES
_MISES, _MISES_TIED = cramer_von_mises.cramer_von_mises, cramer_von_mises.cramer_von_mises_tied

METHODS: tuple[Method, ...] = (
    p_value("ks", _E, numbers(hypothesis_tests.ks), _BOUND, error_bounds.ks, inclusive=True),
    p_value("mannw", _E, numbers(rank_tests.mannw), _REFUSES),
    p_value("mannw", _R, numbers(rank_tests.mannw_two_sided), _REFUSES),
    p_value("anderson", _E, numbers(rank_tests.anderson), _REFUSES, threshold=0.1),
    p_value("cramer_von_mises", _E, numbers(_MISES), _REFUSES, threshold=0.1, inclusive=True),
    p_value("cramer_von_mises", _R, numbers(_MISES_TIED), _REFUSES, threshold=0.1, inclusive=True),
    p_value("es", _E, numbers(epps_singleton.epps_singleton), _REFUSES),
    p_value("es", _R, numbers(epps_singleton.epps_singleton_ranked), _REFUSES),
    p_value("t_test", _E, numbers(t_test.t_test), _BOUND, t_test.t_test_bound),
    p_value("t_test", _R, numbers(t_test.welch), _BOUND, t_test.welch_bound),
)
