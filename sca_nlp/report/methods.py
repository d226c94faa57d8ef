"""The methods paragraph, made from what ran: a sentence stands here only if its frames are there."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from sca_nlp.codebook import Codebook
from sca_nlp.report.frames import Frames
from sca_nlp.report.pairs import Pair, headline_window
from sca_nlp.report.summary import window_name
from sca_nlp.report.wording import METHOD_NAMES, METHOD_ORDER, count, join


def references() -> dict[str, str]:
    """Return what can be cited: `Authors year`, as in the text, -> the full reference."""
    text = (Path(__file__).parent / "references.toml").read_text(encoding="utf-8")
    return {str(k): str(v) for k, v in tomllib.loads(text).items()}


#: Part of the name of a statistic or question -> what was done, with its reference.
_STATISTICS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("ccf", "cross_corr", "cross-corr"),
        "pre-whitened cross-correlations for who leads (a positive lag means that words come first)",
    ),
    (("local_proj", "local proj", "projection"), "local projections with autocorrelation-robust errors (Jordà 2005)"),
    (("agreement",), "the agreement of pre-whitened words and deeds of the same period, and the drift of their gap"),
    (("panel", "dumitrescu"), "panel Granger tests (Dumitrescu & Hurlin 2012)"),
    (("granger", "toda"), "Granger tests in a lag-augmented autoregression (Toda & Yamamoto 1995)"),
    (("coincidence",), "event coincidence for rare deeds (Donges et al. 2016)"),
    (
        ("recipro", "answer", "grit", "spiral"),
        "reciprocity beyond a side's own momentum, with GRIT runs (Osgood 1962) and spirals (Jervis 1976)",
    ),
    (("leader", "endurance"), "levels before and after changes of leader"),
    (("crisis",), "levels inside crisis windows, fixed beforehand, against outside"),
)


@dataclass(frozen=True)
class Methods:
    """The paragraphs and the references that they cite."""

    paragraphs: list[str]
    references: list[str]


def write_methods(frames: Frames, pairs: list[Pair], book: Codebook, passages_per_point: int) -> Methods:
    """Return the methods text of this run, with the references that it cites, in order of name."""
    out: list[str] = [
        "Words. The unit is the sentence. Each sentence is coded by a"
        f" classifier with the codebook {book.name} {book.version}: {join([i.name.lower() for i in book.indicators])},"
        " each affirmed, denied or absent (Wilhelmsen 2002, after Deutsch et al. 1957 and Adler & Barnett 1998). A"
        " sentence is about those actors that it names or that its codes are about. The trust balance of a source"
        " about a target in a period is the mean over the sentences about the target of their signed indicators, from"
        " −1 to +1; stance is the share of these sentences that carries a code; salience is the share of all the"
        " source's sentences. Uncertainty comes from speeches, not sentences, since the sentences of a speech are not"
        " independent."
    ]
    there = set(frames["words.parquet"]["method"]) if len(frames["words.parquet"]) else set()
    if there:
        cites = {
            "design": (
                "the design-based estimate joins a random audit with the classifier's scores by prediction-powered"
                " inference with a tuned weight (Angelopoulos et al. 2023)"
            ),
            "adjusted": (
                "the adjusted estimate corrects counts for the classifier's sensitivity and specificity (Rogan & Gladen"
                " 1978; Forman 2008)"
            ),
            "pooled": (
                "the pooled estimate is the adjusted one after the cells of a pair have leaned on each other"
                " (beta-binomial; Kass & Steffey 1989)"
            ),
            "raw_probability": "the raw probability is the mean of calibrated probabilities",
            "raw_count": "the raw count takes the classifier at its word and is biased where it errs",
        }
        head = next((p.method for p in pairs if p.method), "")
        out.append(
            f"Estimates. The headline is {METHOD_NAMES.get(head, head)}. Among those reported, "
            f"{'; '.join(cites.get(m, m) for m in (*METHOD_ORDER, *sorted(there - set(METHOD_ORDER))) if m in there)}."
        )
    draws = frames["words_draws.parquet"]
    if len(draws):
        out[-1] += (
            f" {count(draws['draw'].nunique())} draws of the corrected series carry its uncertainty into every"
            " statistic."
        )
    if len(frames["deed_series.parquet"]) or len(frames["deeds.parquet"]):
        names = [str(s.get("title") or s.get("name")) for s in frames.deed_sources]
        out.append(
            "Deeds. Coded deeds are mapped onto the eight manifestations of Wilhelmsen (2002), each with a sign"
            " (toward or away from a security community) and a magnitude; verbal acts are left out of the index. Where"
            " no source covers a period the value is missing, never zero."
            f" {'Sources: ' + '; '.join(names) + '. ' if names else ''}The index is in standard deviations of the"
            " series."
        )
        if any(d.make_up for p in pairs for d in p.directions):
            out[-1] += (
                " Where a data set begins or ends, the index is linked on those that go on, over ten periods on either"
                " side; breaks at such a place are marked."
            )
    if len(frames.transactions):
        out.append(
            "Transactions. Shared memberships, treaty obligations, agreements, exercises and arms transfers are counted"
            " by year for the pair and for every pair of the reference group, whose quartiles stand beside it."
        )
    compared = []
    if len(frames["compare/gap.parquet"]):
        gap = frames["compare/gap.parquet"]
        head = headline_window(gap)
        others = sorted({str(w) for w in gap["window"]} - {head}) if "window" in gap.columns else []
        text = f"The gap is z(words) − z(deeds), standardised on {window_name(head)}"
        if others:
            text += f"; what it would be on {join([window_name(w) for w in others])} is shown beside it"
        compared.append(text)
    tests = frames["compare/tests.parquet"]
    if len(tests):
        names = [f"{s} {q}".lower() for s, q in tests[["statistic", "question"]].drop_duplicates().astype(str).values]
        done = [text for keys, text in _STATISTICS if any(k in n for n in names for k in keys)]
        if done:
            compared.append(f"The tests are {join(done)}")
        compared.append("The null of each test and how it was drawn stand beside it in the tables")
        settings = " ".join(tests["settings"].astype(str)) if "settings" in tests.columns else ""
        correction = "Benjamini & Yekutieli 2001" if "yekutieli" in settings.lower() else "Benjamini & Hochberg 1995"
        compared.append(f"q-values correct for all {count(tests['p'].notna().sum())} tests of this run ({correction})")
    if len(frames["compare/breaks.parquet"]):
        compared.append(
            "Changes of level are found by penalised change-point search (Killick et al. 2012), with p-values from"
            " permutation and intervals from resampling"
        )
    if "position" in frames.extra:
        compared.append(
            "The place on the scale from conflict formation to integration (Buzan et al. 1998) is a description by"
            " written criteria, without a test"
        )
    if compared:
        out.append(f"Comparison. {'. '.join(compared)}.")
    if frames.has_passages:
        out.append(
            f"Evidence. Behind each point stand at most {passages_per_point} passages: two thirds are those with the"
            " largest probability of a code, the rest are drawn at random from all sentences about the target, so that"
            " a reader also sees what is ordinary and what the classifier missed."
        )
    text = " ".join(out)
    used = []
    for key, full in references().items():
        authors, year = key.rsplit(" ", 1)
        if key in text or f"{authors} ({year})" in text:
            used.append(full)
    cited = {str(s.get("citation") or "").strip() for s in frames.deed_sources}
    used += sorted(c for c in cited if c and not c.startswith("As the "))
    return Methods(out, used)
