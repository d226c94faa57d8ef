from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.codebook import read_codebook
from sca_nlp.errors import InputError
from sca_nlp.records import Annotation
from training.agreement import agreement, alpha, coders_of, read_coders


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


BOOK = """
[[indicator]]
id = "trade"
short = "TR"
name = "Trade"
values = [{ value = "open", mark = "+" }, { value = "closed", mark = "-" }]
"""


def exports(folder: Path) -> list[Path]:
    """Write what two coders left in doccano, which has a file a coder, without their names."""
    for coder, last in (("anna", ["TR-"]), ("ben", ["TR+"])):
        rows = [{"text": f"Sentence {n}.", "label": ["TR+"]} for n in range(9)] + [{"text": "One more.", "label": last}]
        (folder / f"{coder}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (folder / "book.toml").write_text(BOOK, "utf-8")
    return [folder / "anna.jsonl", folder / "ben.jsonl"]


def test_a_file_a_coder_and_a_codebook_of_ones_own(tmp_path: Path) -> None:
    files, bad = exports(tmp_path), []
    book = read_codebook(tmp_path / "book.toml")
    got = agreement(read_coders(files, book, rejects=bad.append), book, n_draws=10)
    assert bad == []
    assert got["coders"] == ["anna", "ben"]
    assert got["units"] == 10
    assert got["f1"]["TR+"]["f1"] == round(2 * 9 / 19, 4)
    with pytest.raises(InputError, match="one coder only"):
        read_coders(files[:1], book)


def test_codes_of_another_codebook_are_an_error_not_an_empty_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"20 annotations cannot be used, the first: code 'TR\+'.*--codebook FILE"):
        read_coders(exports(tmp_path))


def test_a_few_bad_annotations_are_named_and_the_rest_compared(tmp_path: Path) -> None:
    files, bad = exports(tmp_path), []
    files[0].write_text(files[0].read_text("utf-8").replace('"TR-"', '"XX"'), "utf-8")
    rows = read_coders(files, read_codebook(tmp_path / "book.toml"), rejects=bad.append)
    assert len(rows) == 19
    assert "XX" in bad[0].reason
