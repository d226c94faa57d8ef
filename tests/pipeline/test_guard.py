"""What the stages say of a run that is no run, that another process writes to, or that is damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from sca_nlp import pipeline
from sca_nlp.config import CompareSection, Config, CrisisSection, SpeechesSection, WordsSection
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline.guard import shards_named
from sca_nlp.pipeline.recipe import RECIPE, read_recipe, read_report_manifest
from tests.fakes import fake_tools, speech

WORDS = WordsSection(dyads=(("USA", "RUS"),), min_passages=1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    pipeline.score([speech(n) for n in range(3)], tmp_path / "run", fake_tools())
    return tmp_path / "run"


def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run\.json; wanted a run folder made by"):
        pipeline.aggregate(tmp_path, WORDS)
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_told_to_wait(run: Path) -> None:
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held'); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(run / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ScaError, match="another process is writing to this run; wait for it"):
            pipeline.aggregate(run, WORDS)
        other.communicate("")
    assert pipeline.aggregate(run, WORDS)["cells"]


def test_a_run_whose_lock_cannot_be_opened_says_so(run: Path) -> None:
    (run / ".lock").unlink(missing_ok=True)
    (run / ".lock").mkdir()
    with pytest.raises(ScaError, match=r"run\.json: could not be written"):
        pipeline.aggregate(run, WORDS)


def test_a_damaged_shard_is_named(run: Path) -> None:
    shard = next((run / "passages").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(InputError, match=rf"{shard.name}: a damaged shard .* score again"):
        pipeline.aggregate(run, WORDS)
    assert not (run / "words.parquet").exists()


def test_what_only_the_database_cannot_read_points_to_the_check(run: Path) -> None:
    with (
        pytest.raises(
            InputError, match=r"passages: not readable \(out of luck\); wanted whole shards; see `sca check`"
        ),
        shards_named(run),
    ):
        raise duckdb.Error("out of luck\nand more")


def test_a_column_that_is_asked_for_and_lacking_is_no_reason_to_take_all(run: Path) -> None:
    from sca_nlp.aggregate import words

    shard = next((run / "passages").glob("*.parquet"))
    assert words([shard], dyads=[("USA", "RUS")], min_passages=1, kinds=["speech"]).left_out["filtered"] == 9
    pq.write_table(pq.read_table(shard).drop_columns(["kind"]), shard)
    assert len(words([shard], dyads=[("USA", "RUS")], min_passages=1).series)
    with pytest.raises(InputError, match="no column 'kind'"):
        words([shard], dyads=[("USA", "RUS")], min_passages=1, kinds=["speech"])


def test_a_report_of_a_folder_with_marks_in_its_name(tmp_path: Path) -> None:
    from sca_nlp.pipeline.series import report

    folder = tmp_path / "what's [new]?" / "run"
    pipeline.score([speech(n) for n in range(3)], folder, fake_tools())
    pipeline.aggregate(folder, WORDS)
    assert "is a threat to us all" in report(folder, title="x", dyads=[("USA", "RUS")]).read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "message"), [("[1]", "no object"), ("{", "not readable"), ("\x80", "not readable")]
)
def test_a_damaged_recipe_says_what_it_is_for(run: Path, content: str, message: str) -> None:
    assert read_recipe(run) == {}
    (run / RECIPE).write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=f"{message}.*the settings that the stages kept; run `sca run` again"):
        read_recipe(run)


def test_a_folder_without_a_report_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there; wanted a report's folder, as `sca report` makes it"):
        read_report_manifest(tmp_path)
    (tmp_path / "report.json").write_text('{"run": ".."}')
    with pytest.raises(InputError, match="no manifest of a report"):
        read_report_manifest(tmp_path)


def test_first_last_and_an_audit_of_coders_are_heeded(run: Path, tmp_path: Path) -> None:
    pipeline.score([speech(n, date=f"{1990 + n}") for n in range(5, 9)], run, fake_tools())
    pipeline.aggregate(run, replace(WORDS, first="1996", last="1998"))
    assert set(pq.read_table(run / "words.parquet")["period"].to_pylist()) == {"1996", "1997", "1998"}
    passages = pq.read_table(next((run / "passages").glob("*.parquet"))).slice(0, 6).to_pylist()
    lines = [
        {k: p[k] for k in ("speech_id", "text", "start", "end")} | {"codes": p["codes"], "coder": "ada"}
        for p in passages
    ]
    audit = tmp_path / "audit.jsonl"
    audit.write_text("".join(json.dumps(line | {"stream": "audit"}) + "\n" for line in lines))
    pipeline.aggregate(run, replace(WORDS, audit=str(audit)))
    assert "adjusted" in set(pq.read_table(run / "words.parquet")["method"].to_pylist())
    audit.write_text("".join(json.dumps(line | {"stream": "active"}) + "\n" for line in lines))
    with pytest.raises(InputError, match="no annotation of the audit stream"):
        pipeline.aggregate(run, replace(WORDS, audit=str(audit)))


def test_a_crisis_of_one_actor_is_refused() -> None:
    from sca_nlp.pipeline import series

    section = CompareSection(crises=(CrisisSection("x", "1999", "2000", ("A",)),))
    with pytest.raises(InputError, match="x"):
        series._windows(section, [("A", "B")], "year")


def small_config(folder: Path, text: str) -> Config:
    (folder / "speeches.csv").write_text("id,date,country,text\n" + text)
    return Config(
        name="small",
        out=str(folder / "run"),
        speeches=(SpeechesSection(str(folder / "speeches.csv")),),
        classify=replace(Config.__dataclass_fields__["classify"].default_factory(), model="lexicon"),  # type: ignore[misc]
        words=WORDS,
    )


def test_a_run_without_deeds_ends_with_its_report(tmp_path: Path) -> None:
    said: list[str] = []
    rows = "a,1999,USA,We keep our word to Russia.\nb,1999,Neverland,x\n"
    made = pipeline.run(small_config(tmp_path, rows), say=said.append)
    assert made.report.exists()
    assert not (made.folder / "compare").exists()
    assert any("1 speeches" in line and "1 rejected" in line for line in said)


def test_a_run_in_which_nothing_can_be_scored_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none could be scored \(1 rejected, the first: .*speeches.csv:2"):
        pipeline.run(small_config(tmp_path, "b,1999,Neverland,x\n"))
