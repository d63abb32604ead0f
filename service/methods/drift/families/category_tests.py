"""Two-sample tests of how often each category comes.

Of numbers, `chisquare` and `z` count distinct values: right for few, and a p-value of zero in every window of
a continuous column. So they measure a numerical column only where `default` finds few values in it, or where
the column's own entry names them.
"""

from __future__ import annotations

from service.core.rows.schema import Kind
from service.methods.drift.method import Compression, Definition, Method, either, labels, p_value
from service.methods.stats import category_tests, hypothesis_tests, robust

_E, _R = Definition.EVIDENTLY, Definition.ROBUST
_REFUSES = Compression.REFUSES
BY_CHOICE = frozenset({Kind.NUMERICAL})
_CHISQUARE = either(hypothesis_tests.chisquare, hypothesis_tests.chisquare)

METHODS: tuple[Method, ...] = (
    p_value("chisquare", _E, _CHISQUARE, _REFUSES, by_choice=BY_CHOICE),
    p_value("chisquare", _R, either(robust.chisquare, robust.chisquare), _REFUSES, by_choice=BY_CHOICE),
    p_value("z", _E, either(hypothesis_tests.z, hypothesis_tests.z), _REFUSES, by_choice=BY_CHOICE),
    p_value("z", _R, either(robust.z, robust.z), _REFUSES, by_choice=BY_CHOICE),
    p_value("g_test", _E, labels(category_tests.g_test), _REFUSES, threshold=0.1),
    p_value("g_test", _R, labels(category_tests.g_homogeneity), _REFUSES, threshold=0.1),
    p_value("fisher_exact", _E, labels(category_tests.fisher_exact), _REFUSES, threshold=0.1),
    p_value(
        "TVD",
        _R,
        labels(category_tests.total_variation),
        _REFUSES,
        threshold=0.1,
        draws_error=category_tests.draws_error,
    ),
)
