from __future__ import annotations

import numpy as np
import pytest

from sca_nlp.errors import InputError
from sca_nlp.records import Annotation
from training.agreement import agreement, alpha, coders_of


def test_alpha_of_krippendorffs_own_example() -> None:
    # Krippendorff (2011), Computing Krippendorff's alpha-reliability, example C: nominal alpha = 0.743.
    a = "1 2 3 3 2 1 4 1 2 . . .".split()  # noqa: SIM905
    b = "1 2 3 3 2 2 4 1 2 5 . 3".split()  # noqa: SIM905
    c = ". 3 3 3 2 3 4 2 2 5 1 .".split()  # noqa: SIM905
    d = "1 2 3 3 2 4 4 1 2 5 1 .".split()  # noqa: SIM905
    units = [[v for v in unit if v != "."] for unit in zip(a, b, c, d, strict=True)]
    assert alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_one_for_full_agreement_and_zero_for_chance() -> None:
    assert alpha([[0, 0], [1, 1], [2, 2]]) == 1
    rng = np.random.default_rng(0)
    assert abs(alpha(rng.integers(0, 3, (5000, 2)).tolist())) < 0.03
    assert np.isnan(alpha([[0, 0], [0, 0]]))


def row(n: int, coder: str, *codes: str, targets: tuple[str, ...] = ()) -> Annotation:
    return Annotation(f"{n}{coder}", f"d{n // 2}", n, n + 1, f"t{n}", codes, targets, coder=coder)


def test_agreement_by_class() -> None:
    rows = [row(n, c, "TP+", targets=("RUS",)) for n in range(8) for c in "ab"] + [row(9, "a", "FO-"), row(9, "b")]
    rows += [row(n, c) for n in range(10, 16) for c in "ab"]
    got = agreement(rows, n_draws=50)
    assert got["units"] == 15
    assert got["f1"]["TP+"]["f1"] == 1
    assert got["f1"]["FO-"]["f1"] == 0
    assert got["alpha"]["threat_perception"]["alpha"] == 1
    assert got["target_overlap"] == 1


def test_one_coder_is_no_agreement() -> None:
    with pytest.raises(InputError, match="two coders"):
        agreement([row(1, "a")])


def test_side_by_side_codes_are_taken_apart() -> None:
    record = {
        "id": 1,
        "doc_id": "d",
        "start": 0,
        "end": 4,
        "text": "text",
        "coder_a": {"codes": ["TP+"]},
        "coder_b": [],
    }
    assert [(a.coder, a.codes) for a in coders_of([record])] == [("coder_a", ("TP+",)), ("coder_b", ())]
