"""Two runs: the whole job on the embedded sample, small, for all tests; three scored speeches, for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sca_nlp import pipeline
from sca_nlp.config import read_config
from sca_nlp.share import share_path
from tests.fakes import fake_tools, speech


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> pipeline.RunSummary:
    config = read_config(share_path("configs", "sample.toml"))
    config = replace(
        config,
        out=str(tmp_path_factory.mktemp("sample") / "run"),
        classify=replace(config.classify, model="linear"),
        words=replace(config.words, dyads=(("NVL", "EMK"),)),
        compare=replace(config.compare, permutations=50, draws=50),
    )
    return pipeline.run(config)


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    pipeline.score([speech(n) for n in range(3)], tmp_path / "run", fake_tools())
    return tmp_path / "run"
