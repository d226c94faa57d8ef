"""Same input, config and seed: the same bytes; other batches, workers, thread counts and processors: within 1e-3."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sca_nlp import pipeline
from sca_nlp.classify.folder import load_model
from sca_nlp.config import CompareSection, read_config
from sca_nlp.share import share_path

TEXTS = [
    "They threaten our border again.",
    "We trust our friends in the north.",
    "The harvest of that year was good.",
    "If they attack, we shall use force.",
    "We have always been one people with one word.",
    "Nobody should doubt that we will keep our word, whatever it may cost us in the years to come.",
] * 4
SETTINGS = CompareSection(permutations=20, draws=20, window=("1991", "2012"), max_lag=2)


def made(folder: Path) -> Path:
    config = read_config(share_path("configs", "sample.toml"))
    config = replace(
        config,
        out=str(folder / "run"),
        classify=replace(config.classify, model="linear"),
        words=replace(config.words, dyads=(("NVL", "EMK"),)),
        compare=SETTINGS,
        deeds=config.deeds,
    )
    return pipeline.run(config).folder


def tables(run: Path) -> dict[str, str]:
    found = [*run.glob("*.parquet"), *run.glob("passages/*.parquet"), *run.glob("compare/*.parquet")]
    found += [*run.glob("report/tables/*"), run / "rejects.jsonl"]
    return {str(p.relative_to(run)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def test_two_runs_from_nothing_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a"), made(tmp_path / "b")
    assert tables(first) == tables(second)
    assert len(tables(first)) > 20
    # Workers of the comparison do not change a number.
    before = pd.read_parquet(second / "compare" / "tests.parquet")
    files = read_config(second / "config.toml").actors.files
    pipeline.compare(second, SETTINGS, [("NVL", "EMK"), ("EMK", "NVL")], actor_files=files, workers=2, seed=1957)
    after = pd.read_parquet(second / "compare" / "tests.parquet")
    numbers = before.select_dtypes("number").columns
    assert np.allclose(before[numbers], after[numbers], atol=1e-12, equal_nan=True)


@pytest.fixture(scope="module")
def alone() -> np.ndarray:
    model = load_model(None, profile="exact", threads=1)
    return np.concatenate([model.predict([t], [""], [""]).probabilities for t in TEXTS])


@pytest.mark.parametrize("profile", ["exact", "balanced"])
@pytest.mark.parametrize("threads", [1, 3])
def test_probabilities_do_not_hang_on_batches_and_threads(alone: np.ndarray, profile: str, threads: int) -> None:
    model = load_model(None, profile=profile, threads=threads)
    blank = [""] * len(TEXTS)
    whole = model.predict(TEXTS, blank, blank).probabilities
    one = np.concatenate([model.predict([t], [""], [""]).probabilities for t in TEXTS[:6]])
    parts = np.concatenate(
        [model.predict(TEXTS[k : k + 5], blank[:5], blank[:5]).probabilities for k in range(0, 20, 5)]
    )
    assert np.abs(whole[:6] - one).max() < 1e-3
    assert np.abs(whole[:20] - parts).max() < 1e-3
    if profile == "exact":
        assert np.abs(whole - alone).max() < 1e-3


# What a library may use of the processor: scikit-learn's and NumPy's BLAS, oneDNN in torch, NumPy's own loops.
OLDER = {
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX",
}
CODE = """
import sys, numpy as np
from sca_nlp.classify.folder import load_model
from tests.pipeline.test_reproducible import TEXTS
model = load_model(sys.argv[1] or None, profile="exact", threads=1)
np.save(sys.argv[2], model.predict(TEXTS, [""] * len(TEXTS), [""] * len(TEXTS)).probabilities)
"""


@pytest.mark.parametrize("name", ["", "linear"])
def test_probabilities_do_not_hang_on_wide_registers(tmp_path: Path, name: str) -> None:
    """ONNX Runtime has no switch for its own kernels: there this covers what surrounds them (see the test below)."""
    wide, narrow = tmp_path / "wide.npy", tmp_path / "narrow.npy"
    for path, more in ((wide, {}), (narrow, OLDER)):
        environment = {**os.environ, **more, "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-W", "ignore", "-c", CODE, name, str(path)], env=environment, check=True)
    assert np.abs(np.load(wide) - np.load(narrow)).max() < 1e-3


def test_8_bit_products_that_cannot_overflow_stay_near_those_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without VNNI the model's 8-bit weights are kept in range: both ways give nearly the same on this processor."""
    from sca_nlp.classify import transformer

    found = []
    for overflows in (False, True):
        monkeypatch.setattr(transformer, "saturates", lambda overflows=overflows: overflows)
        model = load_model(None, profile="balanced", threads=1)
        found.append(model.predict(TEXTS, [""] * len(TEXTS), [""] * len(TEXTS)).probabilities)
    assert np.abs(found[0] - found[1]).mean() < 1e-2
