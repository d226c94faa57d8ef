"""Prevalence from an imperfect classifier: raw, design-based and model-based estimates, clustered by speech.

Counting predicted codes is no estimate: a true 2 % read with sensitivity .70 and specificity .95 shows as 6.3 %. Four
answers stand side by side (`measures.md`, section 1): `raw` (uncorrected), `ppi` (design-based, needs a random audit),
`adjusted` (error rates pooled over the audit), `pool` (small cells lean on the others); `emq` is a check and `drift`
asks whether the error rates change between groups, which would imitate a trend. Sentences of one speech are not
independent: every variance is over speeches where `clusters` is given.
"""

from __future__ import annotations

from sca_nlp.prevalence.design import ppi
from sca_nlp.prevalence.intervals import Array, Prevalence, effective_n, raw, t_quantile, wilson
from sca_nlp.prevalence.misclassification import ErrorRates, drift, error_rates
from sca_nlp.prevalence.model_based import adjusted, emq, pool

__all__ = [
    "Array",
    "ErrorRates",
    "Prevalence",
    "adjusted",
    "drift",
    "effective_n",
    "emq",
    "error_rates",
    "pool",
    "ppi",
    "raw",
    "t_quantile",
    "wilson",
]
