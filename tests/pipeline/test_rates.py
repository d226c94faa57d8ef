"""How often a model errs: as it was measured, and only of the model that made the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sca_nlp import pipeline
from sca_nlp.classify.folder import find_model
from sca_nlp.pipeline.rates import rates_today


def test_the_rates_of_a_model_are_those_of_its_metrics() -> None:
    model = find_model("linear")
    measured = json.loads((model / "metrics.json").read_text("utf-8"))["error_rates"]
    rates = pipeline.error_rates(model)
    assert rates is not None
    assert {name: r.tpr.tolist() for name, r in rates.items()} == {name: r["tpr"] for name, r in measured.items()}


@pytest.mark.parametrize("metrics", [None, "{}"])
def test_a_model_that_was_not_measured_has_none(tmp_path: Path, metrics: str | None) -> None:
    if metrics is not None:
        (tmp_path / "metrics.json").write_text(metrics)
    assert pipeline.error_rates(tmp_path) is None


def test_a_run_has_the_rates_of_the_very_model_that_scored_it(sample: pipeline.RunSummary, scored: Path) -> None:
    assert rates_today(sample.folder)
    assert set(pipeline.run_error_rates(sample.folder) or ()) == {"all", "about"}
    assert rates_today(scored) is None  # by a model that the name does not mean
    manifest = json.loads((scored / "run.json").read_text("utf-8"))
    (scored / "run.json").write_text(json.dumps(manifest | {"model": {"name": "gone"}}))
    assert pipeline.run_error_rates(scored) is None
