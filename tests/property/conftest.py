from __future__ import annotations

from hypothesis import settings

# No deadline: a machine that runs other things too is no failure.
settings.register_profile("tidegauge", deadline=None, max_examples=60)
settings.load_profile("tidegauge")
