"""Settings of all tests: examples that repeat, no time limits that a busy machine would break, what is left out."""

from importlib.util import find_spec

from hypothesis import settings

settings.register_profile("sca", deadline=None, derandomize=True)
settings.load_profile("sca")

#: Their fixtures need the web framework, so that without it not even their names can be gathered.
collect_ignore = [] if find_spec("fastapi") else ["review"]


def pytest_report_header() -> str:
    return "tests/review is left out: the extra `review` is not installed" if collect_ignore else ""
