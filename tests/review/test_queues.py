from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sca_nlp.errors import InputError
from sca_nlp.review.app import Desk
from sca_nlp.review.slots import Decision


def code(desk: Desk, passage: str, coder: str, codes: tuple[str, ...] = (), status: str = "coded") -> None:
    base = desk.journal.slot(passage, coder).key
    desk.journal.record(
        key=f"{passage}-{coder}-{base}",
        base=base,
        coder=coder,
        passage_id=passage,
        kind="confirm",
        decision=Decision(codes, status=status),
    )


def test_the_draw_is_seeded_and_continues_itself(run: Path, open_run: Callable[[Path], Desk], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(run, tmp_path / "twin")
    one, two = open_run(run), open_run(tmp_path / "twin")
    one.queues.draw("a", 40)
    two.queues.draw("b", 10)
    two.queues.draw("b", 30)

    def strata(desk: Desk) -> dict[str, list[str]]:
        rows = desk.journal.drawn()
        return {s: [r["passage_id"] for r in rows if r["stratum"] == s] for s in ("coded", "other")}

    assert strata(one) == strata(two)
    assert one.queues.inclusion() == two.queues.inclusion()


def test_inclusion_probabilities_are_drawn_over_population(desk: Desk) -> None:
    assert desk.queues.draw("a", 30, 0.8) == 30
    population = {
        s: desk.explorer.rows(f"SELECT count(*) n FROM p WHERE mask {o} 0")[0]["n"]
        for s, o in (("coded", "<>"), ("other", "="))
    }
    assert desk.queues.inclusion() == {"coded": 24 / population["coded"], "other": 6 / population["other"]}


def test_every_passage_of_a_stratum_is_equally_likely(desk: Desk) -> None:
    from sca_nlp.review.queues import pick

    values = [pick(f"p{n}", 7) for n in range(4000)]
    assert 0.48 < sum(values) / len(values) < 0.52
    assert [pick(f"p{n}", 8) for n in range(5)] != values[:5]


def test_queues_leave_out_what_is_done(desk: Desk) -> None:
    first = desk.queues.upcoming("informative", "a", 5)
    assert len(set(first)) == 5
    code(desk, first[0], "a")
    code(desk, first[1], "a", status="skipped")
    code(desk, first[2], "a", status="draft")
    later = desk.queues.upcoming("informative", "a", 5)
    assert first[0] not in later
    assert first[1] not in later
    assert first[2] in later
    assert desk.queues.upcoming("second", "b") == [first[0]]
    assert desk.queues.upcoming("second", "a") == []


def test_audit_units_never_come_as_informative(desk: Desk) -> None:
    desk.queues.draw("a", 30)
    audit = set(desk.queues.upcoming("audit", "a", 50))
    assert len(audit) == 30
    assert not audit & set(desk.queues.upcoming("informative", "a", 50))


def test_disagreement_waits_until_it_is_adjudicated(desk: Desk) -> None:
    p, q = desk.queues.upcoming("informative", "a", 2)
    code(desk, p, "a", ("TP+",))
    code(desk, p, "b", ("SS+",))
    code(desk, q, "a", ("TP+",))
    code(desk, q, "b", ("TP+",))
    assert desk.queues.upcoming("disputed", "c") == [p]
    desk.journal.record(
        key="settled-1",
        base="",
        coder="c",
        passage_id=p,
        kind="confirm",
        role="adjudicator",
        decision=Decision(("TP+",), status="coded"),
    )
    assert desk.queues.upcoming("disputed", "c") == []
    assert desk.queues.progress("a")["adjudicated"] == 1


def test_draws_out_of_range_are_refused(desk: Desk) -> None:
    with pytest.raises(InputError):
        desk.queues.draw("a", 0)
    with pytest.raises(InputError):
        desk.queues.draw("a", 5, 1.5)
