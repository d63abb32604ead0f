"""Evidently's own tests, run in the worker process: counts alone do not give their value.

Its kernel test holds a matrix of (N + n)^2 and permutes it 100 times: two seconds at most on 1,000 rows per
side. Its TVD draws 1,000 permutations of all rows: some ten seconds at most on 50,000. Its text tests train a
classifier to tell both sides' sampled texts apart; the second's threshold is a percentile of random ones.
"""

from __future__ import annotations

from functools import partial

from service.core.measurement import Worse
from service.core.profile import row_sample
from service.core.rows.schema import Kind
from service.methods.drift.method import Compression, Definition, InWorker, Method, p_value
from service.methods.stats.category_tests import draws_error

_E = Definition.EVIDENTLY


def _text(name: str, *, threshold: float) -> Method:
    return Method(
        name=name,
        definition=_E,
        compute={},
        unit="ROC AUC",
        worse=Worse.HIGHER,
        threshold=threshold,
        inclusive=False,
        compression=Compression.EXACT,  # a sample keeps its texts as they came
        in_worker=InWorker(frozenset({Kind.TEXT}), row_sample.MAX_SIZE),
    )


METHODS: tuple[Method, ...] = (
    p_value(
        "empirical_mmd",
        _E,
        {},
        Compression.REFUSES,
        threshold=0.1,
        draws_error=partial(draws_error, draws=100),
        in_worker=InWorker(frozenset({Kind.NUMERICAL}), max_rows=1_000, min_rows=2),
    ),
    p_value(
        "TVD",
        _E,
        {},
        Compression.REFUSES,
        threshold=0.1,
        draws_error=partial(draws_error, draws=1_000),
        in_worker=InWorker(frozenset({Kind.CATEGORICAL}), max_rows=50_000),
    ),
    _text("abs_text_content_drift", threshold=0.55),
    _text("perc_text_content_drift", threshold=0.95),
)
