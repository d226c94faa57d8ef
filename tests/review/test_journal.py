from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sca_nlp.errors import InputError, ScaError
from sca_nlp.review.journal import Journal
from sca_nlp.review.slots import ConflictError, Decision, Facts


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "a.sqlite", Facts("run", "model", "book 1", "digest"))


def put(journal: Journal, key: str, base: str = "", coder: str = "ada", passage: str = "p", **more: object) -> str:
    decision = Decision(("TP+",), status=str(more.pop("status", "coded")))
    decision = more.pop("decision", decision)  # type: ignore[assignment]
    return journal.record(
        key=key,
        base=base,
        coder=coder,
        passage_id=passage,
        kind="confirm",
        decision=decision,
        **more,  # type: ignore[arg-type]
    ).key


def test_a_key_counts_once(journal: Journal) -> None:
    put(journal, "key-1")
    assert put(journal, "key-1") == "key-1"
    assert len(journal.all_events()) == 1


def test_two_tabs_do_not_overwrite_each_other(journal: Journal) -> None:
    put(journal, "key-1")
    with pytest.raises(ConflictError, match="ada changed this passage"):
        put(journal, "key-2", base="")
    assert journal.slot("p", "ada").key == "key-1"


def test_coders_have_slots_of_their_own_and_adjudicators_share_one(journal: Journal) -> None:
    put(journal, "key-1", coder="ada")
    put(journal, "key-2", coder="bo")
    put(journal, "key-3", coder="ada", role="adjudicator")
    with pytest.raises(ConflictError):
        put(journal, "key-4", coder="bo", role="adjudicator")
    assert journal.states() == {"p": "adjudicated"}
    assert journal.final()["p"].role == "adjudicator"


def test_drafts_and_skips_are_not_work_done(journal: Journal) -> None:
    put(journal, "key-1", status="draft")
    put(journal, "key-2", passage="q", status="skipped")
    assert journal.states() == {}


def test_the_log_cannot_be_changed(journal: Journal) -> None:
    put(journal, "key-1")
    for sql in ("UPDATE events SET coder = 'eve'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            journal._db.con.execute(sql)


def test_an_event_says_who_when_old_new_and_under_what(journal: Journal) -> None:
    put(journal, "key-1", stream="audit", inclusion_probability=0.25)
    put(journal, "key-2", base="key-1", decision=Decision(("SS+",), status="coded"))
    first, second = journal.history("p")
    assert (first["old"], second["old"]) == (None, first["new"])
    assert second["coder"] == "ada"
    assert second["at"].endswith("Z")
    assert (second["run_id"], second["model_digest"], second["codebook_version"]) == ("run", "model", "book 1")
    assert (second["stream"], second["inclusion_probability"]) == ("audit", 0.25)  # an audit unit stays one


def test_undo_does_not_take_back_another_adjudicator(journal: Journal) -> None:
    put(journal, "key-1", coder="ada", role="adjudicator")
    put(journal, "key-2", base="key-1", coder="bo", role="adjudicator", decision=Decision(("SS+",), status="coded"))
    with pytest.raises(ConflictError, match="bo changed"):
        journal.undo("ada", "key-3")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["p edit", "q edit", "undo", "redo"]), max_size=25))
def test_undo_and_redo_follow_a_plain_stack(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    journal = Journal(tmp_path_factory.mktemp("j") / "a.sqlite")
    held: dict[str, Decision | None] = {"p": None, "q": None}
    done: list[tuple[str, Decision | None, Decision]] = []
    undone: list[tuple[str, Decision | None, Decision]] = []
    for n, step in enumerate(steps):
        if step in ("undo", "redo"):
            stack, other = (done, undone) if step == "undo" else (undone, done)
            slot = getattr(journal, step)("c", f"key-{n}")
            assert (slot is None) == (not stack)
            if stack:
                passage, old, new = stack.pop()
                other.append((passage, old, new))
                held[passage] = old if step == "undo" else new
        else:
            passage, new = step[0], Decision(comment=str(n))
            put(journal, f"key-{n}", journal.slot(passage, "c").key, "c", passage, decision=new)
            done.append((passage, held[passage], new))
            undone.clear()
            held[passage] = new
        assert journal.can("c") == {"undo": len(done), "redo": len(undone)}
        for passage, decision in held.items():
            got = journal.slot(passage, "c").decision
            assert (got.comment if got else None) == (decision.comment if decision else None)
    journal.close()


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import os, sys
        from sca_nlp.review.journal import Decision, Journal
        j = Journal(sys.argv[1])
        for n in range(5):
            j.record(key=f"key-{n}", base=f"key-{n-1}" if n else "", coder="a", passage_id="p", kind="edit",
                     decision=Decision(comment=str(n)))
        os.kill(os.getpid(), 9)
    """)
    path = tmp_path / "a.sqlite"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    slot = Journal(path).slot("p", "a")
    assert slot.key == "key-4"
    assert slot.decision is not None
    assert slot.decision.comment == "4"


def test_many_may_open_one_new_journal_at_once(tmp_path: Path) -> None:
    for k in range(100):  # about one round in twenty-five fell without the waiting
        start = threading.Barrier(6)

        def opened(path: Path, start: threading.Barrier = start) -> None:
            start.wait()
            Journal(path).close()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(opened, [tmp_path / f"{k}.sqlite"] * 6))


def test_files_that_are_none_and_versions_to_come_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, only words and words and words" * 50)
    with pytest.raises(ScaError, match="no journal"):
        Journal(tmp_path / "text")
    journal = Journal(tmp_path / "new.sqlite")
    journal._db.con.execute("PRAGMA user_version = 99")
    with pytest.raises(ScaError, match="newer sca_nlp"):
        Journal(tmp_path / "new.sqlite")


def test_wrong_kinds_and_long_comments_are_refused(journal: Journal) -> None:
    with pytest.raises(InputError):
        put(journal, "key-1", status="approved")
    with pytest.raises(InputError, match="4,000"):
        put(journal, "key-1", decision=Decision(comment="x" * 4001))
