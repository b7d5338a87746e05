"""What all tests share: property tests that try the same examples in every run.

A run of CI tells whether a change broke something; looking for new counterexamples is a job of its
own: `HYPOTHESIS_PROFILE=explore pytest tests/replicate`.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("explore")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
