"""Settings of all tests: no time limit on properties, because machines differ; the same examples in every CI run."""

import os

from hypothesis import settings

settings.register_profile("prehep", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("prehep")
