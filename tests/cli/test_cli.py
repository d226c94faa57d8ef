"""The command line as a user meets it: examples in every help, one clear line for a mistake, files that come back."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer

from sca_nlp import cli

TEXT = "Russia is a threat to Europe. We will defend our allies by force of arms. Trade grew by 3 per cent."
COMMANDS = [
    "run", "score", "predict", "export", "check", "aggregate", "deeds", "compare", "report", "codebook",
    "models list", "models show", "models export", "models push", "corpus list", "corpus check", "corpus import",
]  # fmt: skip


def sca(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sca", *map(str, args)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    captured = capsys.readouterr()
    return int(stopped.value.code or 0), captured.out, captured.err


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    return lambda *args: sca(monkeypatch, capsys, *args)


@pytest.fixture
def speeches(tmp_path: Path) -> Path:
    path = tmp_path / "speeches.csv"
    with path.open("w", newline="", encoding="cp1252") as f:
        writer = csv.writer(f, delimiter=";")
        writer.writerow(["nr", "day", "who", "land", "body"])
        writer.writerow(["a1", "12 March 1999", "M. Café", "France", TEXT])
        writer.writerow(["a2", "1999", "X", "USA", "Russia and the United States share a common destiny as friends."])
        writer.writerow(["a3", "soon", "X", "USA", "No date here."])
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_shows_a_worked_example(call, command: str) -> None:
    code, out, _ = call(*command.split(), "--help")
    assert code == 0
    assert f"Example:  sca {command}" in " ".join(out.replace("│", " ").split()).replace("Example: ", "Example:  ")


def test_every_command_is_listed_here() -> None:
    call_names = set()
    group = typer.main.get_command(cli.app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        call_names |= {f"{name} {sub}" for sub in getattr(command, "commands", {})} or {name}
    missing = call_names - set(COMMANDS) - LATER
    assert not missing, f"add {missing} to COMMANDS"


#: Commands tested beside their own rooms.
LATER = {
    "review",
    "train",
    "evaluate",
    "annotate agreement",
    "annotate draw",
    "annotate standoff",
    "models compare",
    "simulate",
    "validity",
    "doctor",
    "verify",
}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("scroe",), "Did you mean 'score'"),
        (("score", "nothing.csv", "--out", "x"), "nothing.csv"),
        (("run", "nothing.toml"), "no such file"),
        (("run", "smaple"), "did you mean 'sample.toml'"),
        (("check", "."), "no run.json"),
        (("predict", "in.xyz", "out.jsonl", "--model", "linear"), "in.xyz"),
        (("models", "show", "linaer"), "did you mean 'linear'"),
        (("codebook", "nothing.toml"), "no such file"),
        (("export", "."), "--out"),
        (("corpus", "check", "x.csv", "--column", "text"), "name=value"),
        (("compare", ".", "--permutations", "-5"), "greater than or equal to 0"),
        (("score", "x.csv", "--out", "x", "--threads", "-1"), "greater than or equal to 0"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(*args)
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_score_check_export(call, speeches: Path, tmp_path: Path) -> None:
    columns = [
        x for c in ("speech_id=nr", "date=day", "speaker=who", "source=land", "text=body") for x in ("--column", c)
    ]
    args = ("score", speeches, "--out", tmp_path / "run", "--model", "linear", "--json", *columns)
    code, out, _ = call(*args)
    assert code == 0
    assert "windows-1252" in json.loads(out)["notes"][0] or "cp1252" in json.loads(out)["notes"][0]
    assert json.loads(out)["counts"]["passages"] == 4
    assert json.loads(out) | {"seconds": 0, "notes": [], "counts": {}} == {
        "run": str(tmp_path / "run"),
        "speeches": 2,
        "already_there": 0,
        "passages": 4,
        "rejects": 1,
        "seconds": 0,
        "notes": [],
        "counts": {},
    }
    rejects = [json.loads(line) for line in (tmp_path / "run" / "rejects.jsonl").read_text().splitlines()]
    assert rejects[0]["line"] == 4
    assert "soon" in rejects[0]["reason"]
    assert json.loads(call(*args)[1])["already_there"] == 2
    code, out, _ = call("check", tmp_path / "run")
    assert code == 0
    assert "whole" in out
    for kind in ("parquet", "csv", "jsonl"):
        assert call("export", tmp_path / "run", "--format", kind, "--out", tmp_path / f"flat.{kind}")[0] == 0
    table = pq.read_table(tmp_path / "flat.parquet")
    wanted = {"speech_id", "start", "end", "date", "source", "targets", "codes", "probabilities"}
    assert wanted <= set(table.column_names)
    row = table.to_pylist()[0]
    assert (row["date"], row["source"]) == ("1999-03-12", "FRA")
    assert TEXT[row["start"] : row["end"]] == row["text"]
    assert list(row["probabilities"]) == ["TP+", "TP-", "MU+", "MU-", "SS+", "SS-", "NA+", "NA-", "FO+", "FO-"]
    assert len((tmp_path / "flat.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_predict_gives_one_row_for_each_in_order(call, tmp_path: Path, ending: str) -> None:
    rows = [
        {"id": "1", "text": "Russia is a threat to peace.", "prev": "", "country": "USA", "codes": ["TP-"]},
        {"id": "2", "text": "Thank you, Mr. President.", "prev": "", "country": "USA", "codes": []},
        {"id": "3", "text": "=SUM(A1)", "prev": "", "country": "", "codes": []},
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(r) + "\n" for r in rows))
    target = tmp_path / f"out.{ending}"
    code, out, _ = call("predict", source, target, "--model", "linear")
    assert code == 0
    assert out.startswith("3 passages coded")
    if ending == "csv":
        got = list(csv.DictReader(target.open(newline="")))
        assert got[2]["text"] == "'=SUM(A1)"
        got = [{**r, **{k: json.loads(r[k]) for k in ("codes", "targets", "probabilities")}} for r in got]
    else:
        got = pq.read_table(target).to_pylist() if ending == "parquet" else [json.loads(x) for x in target.open()]
        assert got[0]["input_codes"] == ["TP-"]
    assert [r["id"] for r in got] == ["1", "2", "3"]
    assert got[1]["codes"] == []
    assert all(0 <= p <= 1 for r in got for p in r["probabilities"].values())
    assert len(got[0]["probabilities"]) == 10


def test_import_makes_one_clean_file(call, speeches: Path, tmp_path: Path) -> None:
    columns = [
        x for c in ("speech_id=nr", "date=day", "speaker=who", "source=land", "text=body") for x in ("--column", c)
    ]
    code, out, _ = call("corpus", "import", speeches, "--out", tmp_path / "clean.parquet", *columns)
    assert code == 0
    assert "2 speeches, 1 rejected" in out
    assert call("corpus", "check", tmp_path / "clean.parquet", "--json")[0] == 0
    assert pq.read_table(tmp_path / "clean.parquet")["source"].to_pylist() == ["FRA", "USA"]


def test_codebook_as_json(call) -> None:
    data = json.loads(call("codebook", "--json")[1])
    assert data["classes"][0] == "TP+"
    assert [i["id"] for i in data["indicators"]][-1] == "force_as_option"


def test_check_names_encodings_duplicates_and_reasons(call, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(
        "id,date,country,text\n1,1999,France,café\n1,1999,France,café\n2,soon,France,x\n3,late,France,y\n".encode(
            "cp1252"
        )
    )
    (tmp_path / "b.csv").write_text("id,date,country,text\n4,1999,France,caf\n")
    (tmp_path / "bad.csv").write_text("x\n")
    code, out, _ = call("corpus", "check", *(tmp_path / f"{n}.csv" for n in ("a", "b", "bad")))
    assert code == 0
    for part in (
        "2 speeches",
        "4 rejected",
        "cp1252 1",
        "utf-8 2",
        "1 duplicates",
        "2 x date is 'soon'; wanted YYYY",
        "file left out",
    ):
        assert part in out, part
    code, _, err = call("corpus", "check", tmp_path / "a.csv", "--column", "date=id")
    assert code == 2
    assert "no speech could be read" in err


def test_score_that_scores_nothing_is_an_error(call, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,date,country,text\n1,1999,Atlantis,x\n")
    code, out, err = call("score", path, "--out", tmp_path / "run", "--model", "linear")
    assert code == 2
    assert "1 x country 'Atlantis'; wanted" in out
    assert "all 1 records rejected" in err


def test_import_writes_parquet_only(call, speeches: Path, tmp_path: Path) -> None:
    code, _, err = call("corpus", "import", speeches, "--out", tmp_path / "clean.csv")
    assert code == 2
    assert "ending in .parquet" in err


def test_deed_readers_are_listed_without_a_run(call) -> None:
    code, out, _ = call("deeds", "--list", "--json")
    assert code == 0
    assert {"chronology", "mid_cow"} <= {row["reader"] for row in json.loads(out)}
    assert call("deeds")[0] == 2


def test_ctrl_c_stops_a_background_job_with_130_and_a_line(speeches: Path, tmp_path: Path) -> None:
    """As from a script's `sca score ... &`, in which the shell has the signal ignored."""
    code = (
        "import os, signal, sys, threading;"
        "signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "from sca_nlp import cli, pipeline;"
        "pipeline.load_tools = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT) or __import__('time').sleep(9);"
        f"sys.argv = ['sca', 'score', {str(speeches)!r}, '--out', {str(tmp_path / 'run')!r}]; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130
    assert "run the same command again" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_cannot_be_written_is_one_line(call, speeches: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    columns = [x for c in ("date=day", "source=land", "text=body") for x in ("--column", c)]
    assert call("score", speeches, "--out", tmp_path / "run", "--model", "linear", *columns)[0] == 0
    code, _, err = call("report", tmp_path / "run", "--out", tmp_path / "file" / "report")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert "file" in err


@pytest.mark.parametrize("args", [(), ("corpus",), ("annotate",)])
def test_a_command_that_lacks_its_command_shows_its_help_and_no_empty_error(call, args: tuple[str, ...]) -> None:
    code, out, err = call(*args)
    assert code == 2
    assert "Usage: " in out + err
    assert "sca:" not in err


@pytest.mark.parametrize(("name", "advised"), [("sample.toml", True), ("mine.toml", False)])
def test_a_run_says_where_it_is_and_advises_newcomers_only(
    call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, advised: bool
) -> None:
    from sca_nlp import pipeline
    from sca_nlp.share import share_path

    config = share_path("configs", "sample.toml")
    if not advised:
        config = tmp_path / name
        config.write_text('title = "Mine"\n', "utf-8")
    made = tmp_path / "mine-0123abcd"
    monkeypatch.setattr(pipeline, "run", lambda *_, **__: pipeline.RunSummary(made, made / "report/index.html", {}))
    code, out, _ = call("run", config, "--out", tmp_path / "mine")
    assert code == 0
    assert f"{tmp_path / 'mine'} holds the scores of another model, so this run is in {made}" in out
    assert ("put your files under [[speeches]]" in out) is advised
    assert out.rstrip().endswith(f"To look into this run: sca review {made}")
    made = tmp_path / "mine"
    assert "another model" not in call("run", config, "--out", made)[1]
