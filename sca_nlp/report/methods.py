"""The methods paragraph, made from what ran: a sentence stands here only if its frames are there."""

from __future__ import annotations

from dataclasses import dataclass

from sca_nlp.codebook import Codebook
from sca_nlp.report.frames import Frames
from sca_nlp.report.pairs import Pair
from sca_nlp.report.wording import METHOD_NAMES, METHOD_ORDER, count, join

REFERENCES: dict[str, str] = {
    "Adler & Barnett 1998": "Adler, E. & Barnett, M. (eds) (1998). Security Communities. Cambridge University Press.",
    "Angelopoulos et al. 2023": "Angelopoulos, A. N., Bates, S., Fannjiang, C., Jordan, M. I. & Zrnic, T. (2023). Prediction-powered inference. Science 382: 669–674; and Angelopoulos, A. N., Duchi, J. C. & Zrnic, T. (2023). PPI++: efficient prediction-powered inference. arXiv:2311.01453.",
    "Benjamini & Hochberg 1995": "Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal Statistical Society B 57: 289–300.",
    "Benjamini & Yekutieli 2001": "Benjamini, Y. & Yekutieli, D. (2001). The control of the false discovery rate in multiple testing under dependency. Annals of Statistics 29: 1165–1188.",
    "Deutsch et al. 1957": "Deutsch, K. W. et al. (1957). Political Community and the North Atlantic Area. Princeton University Press.",
    "Donges et al. 2016": "Donges, J. F., Schleussner, C.-F., Siegmund, J. F. & Donner, R. V. (2016). Event coincidence analysis for quantifying statistical interrelationships between event time series. European Physical Journal Special Topics 225: 471–487.",
    "Dumitrescu & Hurlin 2012": "Dumitrescu, E.-I. & Hurlin, C. (2012). Testing for Granger non-causality in heterogeneous panels. Economic Modelling 29: 1450–1460.",
    "Forman 2008": "Forman, G. (2008). Quantifying counts and costs via classification. Data Mining and Knowledge Discovery 17: 164–206.",
    "Jervis 1976": "Jervis, R. (1976). Perception and Misperception in International Politics. Princeton University Press.",
    "Jordà 2005": "Jordà, Ò. (2005). Estimation and inference of impulse responses by local projections. American Economic Review 95: 161–182.",
    "Killick et al. 2012": "Killick, R., Fearnhead, P. & Eckley, I. A. (2012). Optimal detection of changepoints with a linear computational cost. Journal of the American Statistical Association 107: 1590–1598.",
    "Osgood 1962": "Osgood, C. E. (1962). An Alternative to War or Surrender. University of Illinois Press.",
    "Rogan & Gladen 1978": "Rogan, W. J. & Gladen, B. (1978). Estimating prevalence from the results of a screening test. American Journal of Epidemiology 107: 71–76.",
    "Toda & Yamamoto 1995": "Toda, H. Y. & Yamamoto, T. (1995). Statistical inference in vector autoregressions with possibly integrated processes. Journal of Econometrics 66: 225–250.",
    "Wilhelmsen 2002": "Wilhelmsen, J. (2002). A Russian-Western security community? FFI/RAPPORT-2002/04917. Norwegian Defence Research Establishment.",
}
#: Part of the name of a statistic or question -> what was done, with its reference.
_STATISTICS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("ccf", "cross_corr", "cross-corr"),
        "pre-whitened cross-correlations for who leads (a positive lag means that words come first)",
    ),
    (("local_proj", "local proj", "projection"), "local projections with autocorrelation-robust errors (Jordà 2005)"),
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
        f"Words. The unit is the sentence, read with the one before and the one after. Each sentence is coded by a classifier with the "
        f"codebook {book.name} {book.version}: {join([i.name.lower() for i in book.indicators])}, each affirmed, denied or absent "
        f"(Wilhelmsen 2002, after Deutsch et al. 1957 and Adler & Barnett 1998). A sentence is about those actors that it names or that its codes are about. "
        f"The trust balance of a source about a target in a period is the mean over the sentences about the target of their signed "
        f"indicators, from −1 to +1; stance is the share of these sentences that carries a code; salience is the share of all the "
        f"source's sentences. Uncertainty comes from speeches, not sentences, since the sentences of a speech are not independent."
    ]
    there = {m for m in frames["words.parquet"]["method"]} if len(frames["words.parquet"]) else set()
    if there:
        cites = {
            "design": "the design-based estimate joins a random audit with the classifier's scores by prediction-powered inference with a tuned weight (Angelopoulos et al. 2023)",
            "adjusted": "the adjusted estimate corrects counts for the classifier's sensitivity and specificity (Rogan & Gladen 1978; Forman 2008)",
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
            f" {count(draws['draw'].nunique())} draws of the corrected series carry its uncertainty into every statistic."
        )
    if len(frames["deed_series.parquet"]) or len(frames["deeds.parquet"]):
        names = [str(s.get("title") or s.get("name")) for s in frames.deed_sources]
        out.append(
            "Deeds. Coded deeds are mapped onto the eight manifestations of Wilhelmsen (2002), each with a sign (toward or away from a "
            "security community) and a magnitude; verbal acts are left out of the index. Where no source covers a period the value is "
            f"missing, never zero. {'Sources: ' + '; '.join(names) + '. ' if names else ''}The index is in standard deviations of the series."
        )
    compared = []
    if len(frames["compare/gap.parquet"]):
        windows = sorted(set(frames["compare/gap.parquet"].get("window", [])), key=str)
        compared.append(
            f"The gap is z(words) − z(deeds), standardised on one declared window{' (' + ', '.join(map(str, windows)) + ')' if windows else ''}"
        )
    tests = frames["compare/tests.parquet"]
    if len(tests):
        names = [f"{s} {q}".lower() for s, q in tests[["statistic", "question"]].drop_duplicates().astype(str).values]
        done = [text for keys, text in _STATISTICS if any(k in n for n in names for k in keys)]
        if done:
            compared.append(f"The tests are {join(done)}")
        nulls = sorted({str(n) for n in tests["null"]}) if "null" in tests.columns else []
        if nulls:
            compared.append(f"Their nulls: {'; '.join(nulls)}")
        settings = " ".join(tests["settings"].astype(str)) if "settings" in tests.columns else ""
        correction = "Benjamini & Yekutieli 2001" if "yekutieli" in settings.lower() else "Benjamini & Hochberg 1995"
        compared.append(f"q-values correct for all {count(len(tests))} tests of this run ({correction})")
    if len(frames["compare/breaks.parquet"]):
        compared.append(
            "Changes of level are found by penalised change-point search (Killick et al. 2012), with p-values from permutation and intervals from resampling"
        )
    if compared:
        out.append(f"Comparison. {'. '.join(compared)}.")
    if frames.has_passages:
        out.append(
            f"Evidence. Behind each point stand at most {passages_per_point} passages: two thirds are those with the largest probability of a code, "
            "the rest are drawn at random from all sentences about the target, so that a reader also sees what is ordinary and what the classifier missed."
        )
    text = " ".join(out)
    used = []
    for key, full in REFERENCES.items():
        authors, year = key.rsplit(" ", 1)
        if key in text or f"{authors} ({year})" in text:
            used.append(full)
    return Methods(out, used)
