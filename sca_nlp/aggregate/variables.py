"""What is averaged over sentences: each class's codes and probabilities, and the trust balance signed by class."""

from __future__ import annotations

from collections.abc import Mapping

from sca_nlp.aggregate.cells import Variable
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.prevalence import ErrorRates


def word_variables(book: Codebook, share: Mapping[str, float], rates: ErrorRates | None) -> list[Variable]:
    """Return what `words` averages: codes and probabilities of each class, and balances by each method."""
    out = [Variable(f"code:{c}", "code", {c: 1.0}) for c in book.classes]
    out += [Variable(f"probability:{c}", "probability", {c: 1.0}) for c in book.classes]
    for name in (None, *(i.id for i in book.indicators)):
        signed = signed_weights(book, share, name)
        out += [Variable(f"{of}:{name or 'all'}", of, signed) for of in ("code", "probability")]
        if rates is not None:
            slope = slopes(rates)
            out.append(
                Variable(
                    f"adjusted:{name or 'all'}", "code", {c: w / slope[c] for c, w in signed.items() if slope[c] > 0}
                )
            )
    return out


def balance_weights(book: Codebook, weights: Mapping[str, float] | None) -> dict[str, float]:
    """Return each indicator's share in the trust balance; they sum to one."""
    w = (
        {i.id: 1.0 for i in book.indicators}
        if weights is None
        else {book.indicator(k).id: float(v) for k, v in weights.items()}
    )
    total = sum(w.values())
    if total <= 0 or min(w.values()) < 0:
        raise InputError("weights", str(dict(w)), "weights of at least 0 with a positive sum")
    return {i.id: w.get(i.id, 0.0) / total for i in book.indicators}


def signed_weights(book: Codebook, share: Mapping[str, float], indicator: str | None = None) -> dict[str, float]:
    """Return each class's weight in the balance of one indicator, or of all."""
    return {
        c: book.trust_sign[c] * (share[book.meaning[c][0]] if indicator is None else 1.0)
        for c in book.classes
        if indicator in (None, book.meaning[c][0])
    }


def slopes(rates: ErrorRates) -> dict[str, float]:
    """Return tpr - fpr of each class; 0 where the class is no better than chance (below .05) and is left out."""
    gap = rates.tpr - rates.fpr
    return {c: float(g) if g >= 0.05 else 0.0 for c, g in zip(rates.classes, gap, strict=True)}
