"""The drift methods by family. A module that is imported here is registered with its `METHODS`."""

from service.methods.drift.families import (
    category_tests,
    distances,
    kuiper,
    number_tests,
    season_matched,
    worker_tests,
)
