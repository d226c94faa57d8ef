"""How often a model errs, class by class: as its `metrics.json` measured it and the aggregation corrects by it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import ScaError
from sca_nlp.store import read_manifest

if TYPE_CHECKING:
    from sca_nlp.prevalence import ErrorRates


def error_rates(model: Path) -> dict[str, ErrorRates] | None:
    """Return a model's error rates as its `metrics.json` gives them (`error_rates`: `all`, `about`), or None."""
    return rates_of(_measured(model))


def run_error_rates(folder: Path) -> dict[str, ErrorRates] | None:
    """Return the error rates of the model that made a run, or None where it is not at hand any more."""
    return rates_of(rates_today(folder))


def rates_today(folder: Path) -> Mapping[str, Any] | None:
    """Return what `run_error_rates` is made from, as the model's `metrics.json` holds it now."""
    from sca_nlp.classify.folder import find_model, read_folder

    manifest = read_manifest(folder)
    try:
        model = read_folder(find_model(manifest.get("model", {}).get("name") or None))
    except ScaError:
        return None
    # Only where the scores come from the very model that the name still means.
    same = str(manifest["identity"].get("model", "")).startswith(model.digest)
    return _measured(model.path) if same else None


def rates_of(given: Mapping[str, Any] | None) -> dict[str, ErrorRates] | None:
    """Return error rates as the aggregation wants them, of the table that `metrics.json` and the recipe hold."""
    import numpy as np

    from sca_nlp.prevalence import ErrorRates

    if given is None:
        return None
    keys = ("tpr", "fpr", "n_positive", "n_negative")
    return {
        name: ErrorRates(tuple(r["classes"]), *(np.asarray(r[k], float) for k in keys)) for name, r in given.items()
    }


def _measured(model: Path) -> Mapping[str, Any] | None:
    path = model / "metrics.json"
    given: Mapping[str, Any] | None = json.loads(path.read_text("utf-8")).get("error_rates") if path.exists() else None
    return given or None
