"""The whole validation: what was said against what happened, every score beside the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.errors import InputError
from sca_nlp.records import Reject
from sca_nlp.validity import candidates as c
from sca_nlp.validity.candidates import HEADLINE, PAST, Candidate, Mask, Question
from sca_nlp.validity.episodes import read_episodes
from sca_nlp.validity.evidence import (
    Evidence,
    hostile_and_cordial,
    read_evidence,
    read_lexica_evidence,
    require_passages,
)
from sca_nlp.validity.judge import auroc, split_half, tenths
from sca_nlp.validity.plan import Plan
from sca_nlp.validity.scores import Array, Panel, hostile_attention, make_panel, pooled
from sca_nlp.validity.world import major, own_state, read_world

_TRUTH = ("rival", "rival_td", "ally", "mid", "mid_any", "mid_gml", "contiguous")
_LEVELS = (1, 3, 10)


def validate(
    run: Path,
    data: Path,
    plan: Plan,
    *,
    beside: Sequence[Path] = (),
    lexica: bool = True,
    draws: int = 500,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Set the words of a run against rivalries, alliances, disputes and votes.

    Args:
        run: a scored run over the UN General Debate.
        data: folder with `deeds/` and, for the lexica, `bench/lexica/`.
        plan: what was fixed before looking.
        beside: further runs over the same speeches (other models), judged on the same pair-years.
        lexica: judge the published word lists too.
        draws: bootstrap draws of every interval.
        seed: of the draws.
        say: called with a line on what is done.

    Returns:
        Plain values: `rivals_vs_allies` and `mid_vs_rest`, each with `auroc, low, high, n_positive, n_negative, rows`,
        ...; `reliability`, `episodes`, `seconds`.

    Raises:
        InputError: a file is missing, the run has no targets, or it holds no rivals, allies or disputes.
    """
    start = time.monotonic()
    for folder in (run, *beside):
        require_passages(folder)
    rejects: list[Reject] = []
    known, votes = read_world(data / "deeds", plan.first, plan.last, rejects=rejects, say=say)
    evidence = read_evidence(run, plan, say)
    panel = c.panel_of(evidence, plan)
    rows = pair_years(panel, known, plan)
    found = list(c.of_words(evidence, panel, rows, plan))
    for other in beside:
        theirs = read_evidence(other, plan, say)
        found += c.of_words(theirs, c.panel_of(theirs, plan), rows, plan, f" ({other.name})")
    if lexica:
        for name, cells in read_lexica_evidence(run, data / "bench" / "lexica", plan, say).items():
            found.append(c.of_names(f"lexicon: {name}", c.named_panel(cells, evidence.spoken), rows, plan))
    found.append(c.of_votes(votes, rows))
    questions = _questions(rows, run, plan)
    result: dict[str, Any] = {
        "run": str(run),
        "beside": [str(b) for b in beside],
        "span": [plan.first, min(plan.last, int(rows["year"].max()))],
        "min_passages": plan.min_passages,
        "dyad_years": [
            {
                "min_passages": m,
                "n": int((rows["n"] >= m).sum()),
                **{k: int((rows.loc[rows["n"] >= m, k] == 1).sum()) for k in ("rival", "ally", "mid", "mid_any")},
            }
            for m in _LEVELS
        ],
    }
    attention = _log_attention(panel, rows, plan)
    for question in questions:
        result[question.name] = _answer(question, found, rows, attention, plan, draws, seed, say) | {
            "weights": c.weights(evidence, panel, rows, plan, question)
        }
    result["directed"] = _directed(evidence, known, plan, draws, seed)
    say("reliability by halves")
    result["reliability"] = _reliability(evidence, panel, rows, plan, draws, seed)
    result["episodes"] = read_episodes(run, plan, draws=max(draws, 200), seed=seed, say=say)
    result["rejects"] = len(rejects)
    result["seconds"] = round(time.monotonic() - start, 1)
    plain: dict[str, Any] = _plain(result)
    return plain


def pair_years(panel: Panel, known: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the pair-years with words and what is known of each: `a, b, year, pair, n` and 0 or 1 in `rival` ..."""
    n = panel.values["n"]
    pair, t = np.nonzero(n > 0)
    a, b = np.array(panel.pairs, dtype=object).reshape(-1, 2)[pair].T
    rows = pd.DataFrame({"a": a, "b": b, "year": t + panel.first, "pair": pair, "n": n[pair, t].astype(int)})
    rows = rows[rows["year"].between(plan.first, plan.last)].reset_index(drop=True)
    rows = rows.merge(known, on=["a", "b", "year"], how="left", validate="many_to_one")
    values = [k for k in _TRUTH if k in rows]
    rows[values] = rows[values].fillna(0).astype(int)
    return rows.assign(
        relevant=(rows["contiguous"] == 1) | major(rows["a"], rows["year"]) | major(rows["b"], rows["year"])
    )


def _questions(rows: pd.DataFrame, run: Path, plan: Plan) -> list[Question]:
    rival, ally, mid = (rows[k].to_numpy() == 1 for k in ("rival", "ally", "mid"))
    questions = [
        Question("rivals_vs_allies", rival ^ ally, rival & ~ally),
        Question("mid_vs_rest", np.ones(len(rows), bool), mid),
    ]
    enough = rows["n"].to_numpy() >= plan.min_passages
    for q in questions:
        yes, no = int((q.use & enough & q.positive).sum()), int((q.use & enough & ~q.positive).sum())
        if not (yes and no):
            raise InputError(
                run,
                f"{yes} positive and {no} negative pairs in some year for {q.name.replace('_', ' ')}",
                "a run over many states' speeches, such as the UN General Debate, 1946 to 2014",
            )
    return questions


def _answer(
    question: Question,
    found: Sequence[Candidate],
    rows: pd.DataFrame,
    attention: Array,
    plan: Plan,
    draws: int,
    seed: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    dyad = rows["pair"].to_numpy()
    enough = rows["n"].to_numpy() >= plan.min_passages
    use = question.use & enough
    strata = tenths(attention, use)

    def judged(score: Array, mask: Mask, positive: Mask = question.positive, layers: Any = None) -> dict[str, Any]:
        m = mask & ~np.isnan(score)
        block = None if layers is None else layers[m]
        return asdict(auroc(score[m], positive[m], dyad[m], strata=block, draws=draws, seed=seed))

    lines, head = [], np.zeros(0)
    for n, candidate in enumerate(found):
        say(f"{question.name.replace('_', ' ')}: {candidate.name}, {candidate.years} ({n + 1} of {len(found)})")
        score = candidate.values(question)
        if n == 0:
            head = score
        equal = judged(score, use, layers=strata)
        lines.append(
            {"score": candidate.name, "years": candidate.years, "kind": candidate.kind}
            | judged(score, use)
            | {"equal_attention": {k: equal[k] for k in ("auroc", "low", "high")}}
        )
    levels = [{"min_passages": m} | judged(head, question.use & (rows["n"].to_numpy() >= m)) for m in _LEVELS]
    decade = rows["year"].to_numpy() // 10 * 10
    decades = [{"decade": int(d)} | judged(head, use & (decade == d)) for d in np.unique(decade[use])]
    return {
        **{k: lines[0][k] for k in ("auroc", "low", "high", "n_positive", "n_negative", "n_dyads")},
        "score": f"{HEADLINE}, {PAST}, each pair scored by weights learned on other pairs",
        "rows": lines,
        "by_min_passages": levels,
        "by_decade": decades,
        "otherwise": [
            {"what": what} | judged(head, mask & enough, yes) for what, mask, yes in _otherwise(question, rows)
        ],
    }


def _otherwise(question: Question, rows: pd.DataFrame) -> list[tuple[str, Mask, Mask]]:
    """Return other readings of a question, on which the headline's score is judged too."""
    known = {k: rows[k].to_numpy() == 1 for k in _TRUTH}
    relevant = rows["relevant"].to_numpy()
    near = (
        "politically relevant pairs only (contiguous, or one a major power)",
        question.use & relevant,
        question.positive,
    )
    if question.name == "rivals_vs_allies":
        td = known["rival_td"]
        return [
            ("rivals by Thompson and Dreyer (to 2010)", (td ^ known["ally"]) & (rows["year"].to_numpy() <= 2010), td),
            near,
        ]
    return [
        near,
        ("a dispute under way in the year, begun then or before", question.use, known["mid_any"]),
        ("without the later years of disputes under way", ~known["mid_any"] | known["mid"], known["mid"]),
        ("disputes by Gibler, Miller and Little (to 2010)", rows["year"].to_numpy() <= 2010, known["mid_gml"]),
    ]


def _log_attention(panel: Panel, rows: pd.DataFrame, plan: Plan) -> Array:
    return np.log(1 + panel.at(pooled(panel, ["n"], plan.half_life, True)["n"], rows))


def _directed(evidence: Evidence, known: pd.DataFrame, plan: Plan, draws: int, seed: int) -> dict[str, Any]:
    """Judge the theory's score of one side's words on the other, without the other's."""
    panel = c.panel_of(evidence, plan, directed=True)
    n = panel.values["n"]
    pair, t = np.nonzero(n >= plan.min_passages)
    source, target = np.array(panel.pairs, dtype=object).reshape(-1, 2)[pair].T
    rows = pd.DataFrame({"source": source, "target": target, "year": t + panel.first, "pair": pair})
    rows = rows[rows["year"].between(plan.first, plan.last)].reset_index(drop=True)
    rows["a"] = np.where(rows["source"] < rows["target"], rows["source"], rows["target"])
    rows["b"] = np.where(rows["source"] < rows["target"], rows["target"], rows["source"])
    rows = rows.merge(known, on=["a", "b", "year"], how="left").fillna(dict.fromkeys(_TRUTH, 0))
    score = panel.at(hostile_attention(panel, plan.prior, plan.half_life, True), rows)
    dyad = (rows["a"] + rows["b"]).astype("category").cat.codes.to_numpy().astype(np.int64)  # both directions are one
    rival, ally, mid = (rows[k].to_numpy() == 1 for k in ("rival", "ally", "mid"))
    apart = rival ^ ally
    return {
        "score": f"words, hostile attention, {PAST}, of one side",
        "rivals_vs_allies": asdict(auroc(score[apart], rival[apart], dyad[apart], draws=draws, seed=seed)),
        "mid_vs_rest": asdict(auroc(score, mid, dyad, draws=draws, seed=seed)),
    }


def _reliability(
    evidence: Evidence, panel: Panel, rows: pd.DataFrame, plan: Plan, draws: int, seed: int
) -> list[dict[str, Any]]:
    """Return Spearman-Brown reliabilities of the theory's score, by halves of the speeches and of the sentences.

    A state holds one speech a year, so halves by speech are of a pair's decade: some years' speeches against others'.
    """
    hostile, cordial = hostile_and_cordial(evidence.cells, plan)
    cells = evidence.cells.assign(hostile=hostile, cordial=cordial)
    out = []
    for split, step, what in (("half", 10, "by speech, pair and decade"), ("odd", 1, "by sentence, pair and year")):
        part = cells[cells["year"].between(plan.first, plan.last)]
        part, said = (f.assign(year=f["year"] // step * step) for f in (part, evidence.spoken))
        halves = [make_panel(part[part[split] == k], said[said[split] == k], ["hostile", "cordial"]) for k in (0, 1)]
        whole = part.assign(x=own_state(part["source"], part["year"]), y=part["target"])
        whole["a"], whole["b"] = np.minimum(whole["x"], whole["y"]), np.maximum(whole["x"], whole["y"])
        units = whole.groupby(["a", "b", "year"])["n"].sum().reset_index()
        dyad = (units["a"] + units["b"]).astype("category").cat.codes.to_numpy().astype(np.int64)
        scores = [
            np.nan_to_num(c.at_pairs(h, hostile_attention(h, plan.prior, None, True), units), nan=0.0) for h in halves
        ]
        for m in _LEVELS[1:]:
            use = units["n"].to_numpy() >= m
            found = split_half(scores[0][use], scores[1][use], dyad[use], draws=draws, seed=seed)
            out.append({"what": what, "score": "words, hostile attention", "min_passages": m, **found})
    return out


def _plain(value: Any) -> Any:
    """Return values that JSON knows: floats to 4 digits, missing ones as None."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else round(float(value), 4)
    return int(value) if isinstance(value, np.integer) else value
