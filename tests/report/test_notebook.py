"""The report as a notebook: it runs, beside its tables, with pandas and matplotlib alone."""

from __future__ import annotations

import importlib.util
import json

import pytest

from sca_nlp.report import write_report
from tests.report.fake_run import make_run

TITLE = "Avaria & <b>Borland</b> `x` [a](b)"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("run"), per_cell=10, years=12)
    page = write_report(run, title=TITLE, dyads=[("AVA", "BOR")], figures=False, notebook=True)
    path = page.parent / "report.ipynb"
    return path, json.loads(path.read_text("utf-8"))


def test_it_is_a_notebook_of_the_current_form(book):
    _, cells = book
    assert (cells["nbformat"], cells["nbformat_minor"]) == (4, 5)
    assert len({c["id"] for c in cells["cells"]}) == len(cells["cells"])
    if importlib.util.find_spec("nbformat"):
        import nbformat

        nbformat.validate(nbformat.from_dict(cells))


def test_text_from_outside_is_no_markup(book):
    title = "".join(book[1]["cells"][0]["source"])
    assert "<b>" not in title
    assert "\\[a\\](b)" in title


def test_every_cell_runs_in_the_reports_folder(book, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    path, cells = book
    monkeypatch.chdir(path.parent)
    space: dict[str, object] = {}
    for cell in cells["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "cell", "exec"), space)
    figures = [pyplot.figure(n) for n in pyplot.get_fignums()]
    assert len(figures) == 1
    words, deeds, gap = figures[0].axes
    assert len(words.lines) >= 2
    assert len(deeds.lines) >= 2
    assert gap.get_ylabel().startswith("gap")
    pyplot.close("all")
    assert "tests;" in capsys.readouterr().out


def test_the_same_run_gives_the_same_notebook(book, tmp_path):
    path, _ = book
    run = path.parent.parent
    again = write_report(run, title=TITLE, dyads=[("AVA", "BOR")], out=tmp_path, figures=False, notebook=True)
    assert (again.parent / "report.ipynb").read_bytes() == path.read_bytes()
