"""`sca doctor`: says what is there, and ends with 1 where something must be mended."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sca_nlp import cli
from sca_nlp.cli import doctor


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*args: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sca", "doctor", *args])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), capsys.readouterr().out

    return run


def test_a_sound_installation(call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCA_DATA", str(tmp_path))
    code, out = call("--json", "--model", "linear")
    found = json.loads(out)
    assert (code, found["problems"]) == (0, [])
    assert found["model"]["runtime"] == "scikit-learn"
    assert found["data"] == str(tmp_path)
    assert {"library", "extra", "version"} == set(found["libraries"][0])
    assert {"numpy", "onnxruntime"} <= {x["library"] for x in found["libraries"] if not x["extra"]}
    assert not any(x["library"] == "ruff" for x in found["libraries"])


def test_text_names_what_is_missing(call, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = [{"library": "numpy", "extra": "", "version": "2"}, {"library": "torch", "extra": "train", "version": ""}]
    monkeypatch.setattr(doctor, "libraries", lambda: absent)
    monkeypatch.delenv("SCA_DATA", raising=False)
    code, out = call("--model", "linear")
    assert code == 0
    assert "extra train\tfor training and export of models: pip install 'sca-nlp[train]' (lacks torch)" in out
    assert "extra review\tinstalled: the review page" in out
    assert out.rstrip().endswith("All is well.")


def test_what_must_be_mended_is_code_1(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "libraries", lambda: [{"library": "numpy", "extra": "", "version": ""}])
    monkeypatch.setenv("SCA_DATA", "nowhere/at/all")
    code, out = call("--model", "linaer")
    assert code == 1
    assert "problem: numpy is not installed" in out
    assert "did you mean 'linear'" in out
    assert "SCA_DATA names nowhere/at/all" in out
    assert "3 to mend" in out
