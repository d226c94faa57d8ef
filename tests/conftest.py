"""Settings of all tests: examples that repeat, and no time limits that a busy machine would break."""

from hypothesis import settings

settings.register_profile("sca", deadline=None, derandomize=True)
settings.load_profile("sca")
