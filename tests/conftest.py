"""Settings for the whole suite."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("keysweep", deadline=None)
settings.load_profile("keysweep")
