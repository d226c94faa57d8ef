"""Changes of leader and crises, as a config names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.config import CrisisSection
from sca_nlp.errors import InputError
from sca_nlp.pipeline.leaders_and_crises import changes_of_leader, crisis_windows


def test_leaders_change_when_the_head_changes(tmp_path: Path) -> None:
    path = tmp_path / "leaders.csv"
    path.write_text(
        "code,speaker,office,from,to\nA,One,President,1990-01-01,1995-05-05\n"
        "A,Minister,Foreign Minister,1991-01-01,1992-01-01\nA,Two,President,1995-05-05,2000-01-01\n"
    )
    (change,) = changes_of_leader(str(path), "year")
    assert (change.actor, change.period, change.before, change.after) == ("A", "1995", "One", "Two")
    path.write_text("land,name\nA,B\n")
    with pytest.raises(InputError, match="code, speaker"):
        changes_of_leader(str(path), "year")


def test_crises_hold_for_their_pair_or_for_all() -> None:
    crises = [CrisisSection("x", "1999", "2000", ("B", "A")), CrisisSection("y", "2001", "2001")]
    windows = crisis_windows(crises, [("A", "B"), ("B", "A"), ("A", "C")], "year")
    assert [(w.name, w.actors) for w in windows] == [("x", ("A", "B")), ("y", ("A", "B")), ("y", ("A", "C"))]
    with pytest.raises(InputError, match="as fine as"):
        crisis_windows(crises, [("A", "B")], "month")


def test_a_crisis_of_one_actor_is_refused() -> None:
    with pytest.raises(InputError, match="two, or none for every pair"):
        crisis_windows([CrisisSection("x", "1999", "2000", ("A",))], [("A", "B")], "year")
