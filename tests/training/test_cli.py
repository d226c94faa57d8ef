from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from sca_nlp import cli


def test_standoff_there_and_back(tmp_path: Path) -> None:
    text = "We trust them. They trust us."
    speech = {"speech_id": "A1", "date": "1990", "source": "FRA", "text": text}
    (tmp_path / "speeches.jsonl").write_text(json.dumps(speech))
    row = {"id": "1", "speech_id": "A1", "start": 0, "end": 14, "text": text[:14], "codes": ["TP-"]}
    (tmp_path / "coded.jsonl").write_text(json.dumps(row))
    if not cli.app.registered_commands:
        cli.add_commands()
    run, app = CliRunner(), cli.app
    bare, back = tmp_path / "coded.csv", tmp_path / "back.jsonl"
    done = run.invoke(app, ["annotate", "standoff", str(tmp_path / "coded.jsonl"), "--out", str(bare)])
    assert done.exit_code == 0, done.output
    assert "trust" not in bare.read_text()
    args = [
        "annotate",
        "standoff",
        str(bare),
        "--out",
        str(back),
        "--speeches",
        str(tmp_path / "speeches.jsonl"),
        "--json",
    ]
    done = run.invoke(app, args)
    assert json.loads(done.output)["written"] == 1
    assert json.loads(back.read_text())["text"] == text[:14]
