from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sca_nlp import store
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline.scoring import cut, score_cuts
from sca_nlp.records import Reject
from tests.fakes import fake_tools, speech

CLASSES = default_codebook().classes
IDENTITY = {"model": "m", "codebook": "c"}


def scored(*numbers: int) -> list[store.Scored]:
    return score_cuts([cut(speech(n)) for n in numbers], fake_tools())


def test_adding_a_shard_twice_changes_nothing(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        first = run.add(scored(1, 2))
        before = {p: p.read_bytes() for p in tmp_path.rglob("*.parquet")}
        assert run.add(scored(1, 2)) == first
        assert {p: p.read_bytes() for p in tmp_path.rglob("*.parquet")} == before
    assert store.check_run(tmp_path).problems == ()


def test_reopened_store_knows_what_is_done(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        run.add(scored(1))
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        assert run.is_done(speech(1))
        assert not run.is_done(speech(2))
        with pytest.raises(InputError, match="another"):
            raise InputError("x", "another", "y")
        with pytest.raises(InputError, match="scored before"):
            run.is_done(speech(1, text="Something else."))


def test_another_model_never_shares_a_store(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES):
        pass
    with pytest.raises(InputError, match="another model"):
        store.RunStore(tmp_path, {**IDENTITY, "model": "m2"}, CLASSES)


def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES), pytest.raises(ScaError, match="another process"):
        store.RunStore(tmp_path, IDENTITY, CLASSES)
    store.RunStore(tmp_path, IDENTITY, CLASSES).close()


def test_unfinished_shard_is_swept_away(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
        other = run.add(scored(2))
    (tmp_path / "passages" / name).unlink()  # killed between the two renames
    (tmp_path / "passages" / f".{other}.999.tmp").write_bytes(b"half")
    assert any("unfinished" in p for p in store.check_run(tmp_path).problems)
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        assert set(run.done) == {"s2"}
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 1}'])
def test_damaged_manifest_says_so(tmp_path: Path, damage: str) -> None:
    (tmp_path / "run.json").write_text(damage)
    with pytest.raises(InputError, match=r"run\.json"):
        store.RunStore(tmp_path, IDENTITY, CLASSES)


def test_half_written_shard_is_named(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
    path = tmp_path / "passages" / name
    path.write_bytes(path.read_bytes()[:100])
    assert any(name in p for p in store.check_run(tmp_path).problems)


def test_check_finds_a_missing_and_a_doubled_passage(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
    path = tmp_path / "passages" / name
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    assert any("missing" in p for p in store.check_run(tmp_path).problems)
    pq.write_table(table, path.with_name("part-copy.parquet"))
    pq.write_table(pq.read_table(tmp_path / "speeches" / name), tmp_path / "speeches" / "part-copy.parquet")
    assert any("twice" in p for p in store.check_run(tmp_path).problems)


def test_digest_does_not_depend_on_shards(tmp_path: Path) -> None:
    for folder, batches in ((tmp_path / "a", [(1, 2, 3)]), (tmp_path / "b", [(3,), (1, 2)])):
        with store.RunStore(folder, IDENTITY, CLASSES) as run:
            for batch in batches:
                run.add(scored(*batch))
    assert store.store_digest(tmp_path / "a") == store.store_digest(tmp_path / "b")


def test_rejects_and_speech_come_back(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        run.add(scored(1))
        assert run.write_rejects([Reject("f.csv", 3, "no text", "\ud800")]) == 1
    assert json.loads((tmp_path / "rejects.jsonl").read_text())["line"] == 3
    assert store.read_speech(tmp_path, "s1") == speech(1)
    assert store.read_speech(tmp_path, "s9") is None


def test_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run\.json"):
        store.passage_paths(tmp_path)
    with store.RunStore(tmp_path, IDENTITY, CLASSES):
        pass
    with pytest.raises(InputError, match="no scored passages"):
        store.passage_paths(tmp_path)


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ScaError, match="disk is full"):
        store.write_atomically(tmp_path / "x", b"data")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from sca_nlp.pipeline.scoring import score
from tests.fakes import fake_tools, speech
import sca_nlp.pipeline.scoring as p
p.SHARD_CHARACTERS = 200
score((speech(n) for n in range(400)), Path(sys.argv[1]), fake_tools())
print("finished")
"""


def test_killed_at_any_moment_it_finishes_when_run_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run")]
    root = Path(__file__).parents[1]
    kills = 0
    for delay in (0.5, 0.1, 0.2, 0.05):
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        while process.poll() is None and not list((tmp_path / "run" / "passages").glob("part-*")):
            time.sleep(0.02)
        time.sleep(delay)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    assert subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout == "finished\n"
    result = store.check_run(tmp_path / "run")
    assert (result.n_speeches, result.n_passages, result.problems) == (400, 1200, ())
    assert kills


def test_counts_tell_what_lies_in_the_store(tmp_path: Path) -> None:
    plain = cut(speech(3))
    parts = [
        cut(speech(1)),
        cut(speech(2, language="fr")),
        replace(plain, speech=replace(plain.speech, language="")),
        cut(speech(4, text="\n \n")),
    ]
    batch = score_cuts(parts, fake_tools())
    long = replace(batch[0], predictions=[replace(p, n_windows=2) for p in batch[0].predictions])
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        names = [run.add([long, *batch[1:2]]), run.add(batch[2:])]
    assert store.count_rows(tmp_path) == {
        "passages": 9,
        "coded": 6,
        "windowed": 3,
        "other_language": 3,  # the French ones; where nobody knows, it counts as the model's
        "empty_speeches": 1,
    }
    assert store.count_rows(tmp_path, "fr")["other_language"] == 3
    assert [store.n_passages_of(tmp_path, n) for n in names] == [6, 3]
    assert [s.speech_id for s in store.read_speeches_of(tmp_path, names[1])] == ["s3", "s4"]
    for path in (tmp_path / "speeches").glob("*.parquet"):  # as runs were before they counted passages
        pq.write_table(pq.read_table(path).drop_columns(["n_passages"]), path)
    assert store.count_rows(tmp_path)["empty_speeches"] == 0


def test_export_has_one_row_a_passage_with_its_probabilities(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        run.add(scored(1))
        run.add(scored(2))
    rows = [r for t in store.export_table(tmp_path) for r in t.to_pylist()]
    assert len(rows) == 6
    assert list(rows[0])[-1] == "probabilities"
    assert tuple(rows[0]["probabilities"]) == CLASSES
    assert rows[1]["probabilities"]["TP+"] == pytest.approx(0.9)
    assert not set(CLASSES) & set(rows[0])


def test_digest_is_of_codes_targets_and_probabilities_of_every_passage(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
    before = store.store_digest(tmp_path)
    assert len(before) == 32
    path = tmp_path / "passages" / name
    table = pq.read_table(path)
    for column, values in ((CLASSES[-1], [0.5] * 3), ("targets", [["FRA"]] * 3)):
        k = table.column_names.index(column)
        pq.write_table(table.set_column(k, table.schema.field(k), pa.array(values, table.schema.field(k).type)), path)
        assert store.store_digest(tmp_path) != before
    k = table.column_names.index("text")
    pq.write_table(table.set_column(k, table.schema.field(k), pa.array(["", "", ""])), path)
    assert store.store_digest(tmp_path) == before  # the text is not part of it


def test_check_finds_changed_texts_and_counts_shards(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
        run.add(scored(2))
        run.update_manifest(counts={"speeches": 2, "passages": 6})
    whole = store.check_run(tmp_path)
    assert (whole.n_speeches, whole.n_passages, whole.n_shards, whole.problems) == (2, 6, 2, ())
    path = tmp_path / "speeches" / name
    table = pq.read_table(path)
    k = table.column_names.index("text")
    pq.write_table(table.set_column(k, table.schema.field(k), pa.array(["Other words."])), path)
    problems = store.check_run(tmp_path).problems
    assert problems[0] == "speech s1: its text does not match its digest"
    first = pq.read_table(tmp_path / "passages" / name)["passage_id"][0].as_py()
    assert problems[1] == f"passage {first}: offsets do not rebuild its text"
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        run.update_manifest(counts={"speeches": 3, "passages": 6})
    assert store.check_run(tmp_path).problems[-1] == "the manifest counts 3 speeches, the shards hold 2"


def test_passages_whose_speeches_are_gone_are_swept_away(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
        run.add(scored(2))
    (tmp_path / "speeches" / name).unlink()
    assert any("no such file" in p.lower() for p in store.check_run(tmp_path).problems)
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        assert set(run.done) == {"s2"}
    assert not (tmp_path / "passages" / name).exists()
    assert store.check_run(tmp_path).problems == ()


def test_a_shard_without_a_column_is_damaged_and_says_which(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
    path = tmp_path / "passages" / name
    pq.write_table(pq.read_table(path).drop_columns(["codes"]), path)
    with pytest.raises(InputError, match=r"no column codes.*delete it \(and its namesake\) and score again"):
        store.count_rows(tmp_path)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, r"not writable .*choose another folder with --out"),
        (errno.EROFS, r"not writable .*choose another folder with --out"),
        (errno.EIO, r"x: could not be written"),
    ],
)
def test_a_failed_write_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    def failing(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(ScaError, match=message):
        store.write_atomically(tmp_path / "x", b"data")


def test_what_is_not_a_run_says_what_one_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wanted a run folder made by `sca score` or `sca run`"):
        store.read_manifest(tmp_path)
    with pytest.raises(InputError, match="wanted a run folder made by"):
        store.read_manifest(Path(__file__))
    store.write_json(tmp_path / "run.json", {"format": 1})
    with pytest.raises(InputError, match="wanted format, identity and classes"):
        store.read_manifest(tmp_path)
    (tmp_path / "run.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="restore it, or score into a new folder"):
        store.read_manifest(tmp_path)


def test_all_that_differs_from_a_run_is_named(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES):
        pass
    with pytest.raises(InputError, match="a run with another model and codebook; wanted the same one"):
        store.RunStore(tmp_path, {"model": "m2", "codebook": "c2"}, CLASSES)


def test_text_that_is_no_unicode_has_a_name_and_a_digest_too() -> None:
    odd = speech(1, text="A lone \ud800 surrogate.")
    assert len(store.text_digest(odd.text)) == 32
    assert store.shard_name([odd]) != store.shard_name([speech(1, text="A lone \ud801 surrogate.")])
    assert store.shard_name([speech(1, speech_id="\ud800")]) != store.shard_name([speech(1, speech_id="\ud801")])


def test_files_in_new_folders_are_whole(tmp_path: Path) -> None:
    store.write_json(tmp_path / "a" / "b" / "c.json", {"z": 1, "a": "ü"})
    assert (tmp_path / "a" / "b" / "c.json").read_text("utf-8") == '{\n "a": "ü",\n "z": 1\n}\n'
    store.write_table(tmp_path / "d" / "e" / "f.parquet", pa.table({"x": [1, 2]}))
    assert pq.read_table(tmp_path / "d" / "e" / "f.parquet")["x"].to_pylist() == [1, 2]
    assert not list(tmp_path.rglob("*.tmp"))
