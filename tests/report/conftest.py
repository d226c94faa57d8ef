from __future__ import annotations

import pytest

from tests.report.fake_run import make_run


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"), per_cell=20)
