"""Settings of all tests: no time limit on properties, because machines differ."""

from hypothesis import settings

settings.register_profile("prehep", deadline=None)
settings.load_profile("prehep")
