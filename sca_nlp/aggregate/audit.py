"""The random audit: error rates of the classifier, and design-based estimates in the cells that it reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp import prevalence
from sca_nlp.aggregate.cells import Base, Cells, Members, files_of
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.prevalence import ErrorRates

#: Fewer audited sentences than this in a cell give no design-based estimate; fewer of a class, no error rate of it.
LEAST = 20


def _check(audit: pd.DataFrame) -> pd.DataFrame:
    for column in ("passage_id", "codes"):
        if column not in audit:
            raise InputError(
                "audit", f"no column {column!r}", "passage_id, codes and, where uneven, inclusion_probability"
            )
    out = audit.drop_duplicates("passage_id")
    pi = (
        pd.to_numeric(out["inclusion_probability"], errors="coerce")
        if "inclusion_probability" in out
        else pd.Series(1.0, out.index)
    )
    return pd.DataFrame(
        {
            "passage_id": out["passage_id"].astype(str),
            "gold": out["codes"].map(list),
            "pi": pi.fillna(1.0).to_numpy(float),
        }
    )


def _matrix(codes: Sequence[Any], classes: Sequence[str]) -> np.ndarray[Any, Any]:
    return np.array([[c in row for c in classes] for row in codes], dtype=float).reshape(-1, len(classes))


def audit_rates(
    passages: Sequence[Path | str] | Path | str, audit: pd.DataFrame, book: Codebook, about: str
) -> dict[str, ErrorRates]:
    """Return error rates over all audited passages (`all`) and over those about somebody (`about`).

    Raises:
        InputError: no audited passage is among the passages.
    """
    import duckdb

    frame = _check(audit)
    con = duckdb.connect()
    con.register("audit", frame)
    listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files_of(passages))
    actors = "OR (len(p.codes) = 0 AND len(p.actors) > 0)" if about == "named" else ""
    found = con.execute(
        f"SELECT a.gold, a.pi, p.speech_id, p.codes, (len(p.targets) > 0 {actors}) AS about FROM "
        f"read_parquet([{listed}]) p "
        "JOIN audit a USING (passage_id) ORDER BY passage_id"
    ).df()
    con.close()
    if found.empty:
        raise InputError("audit", "no audited passage is among the scored ones", "passage ids of this run")
    out = {}
    for key, mask in (("all", np.ones(len(found), bool)), ("about", found["about"].fillna(False).to_numpy(bool))):
        part = found[mask]
        gold, codes = _matrix(list(part["gold"]), book.classes), _matrix(list(part["codes"]), book.classes)
        out[key] = prevalence.error_rates(
            gold, codes, book.classes, weights=1 / part["pi"].to_numpy(float), clusters=part["speech_id"].to_numpy(str)
        )
    return out


def design_rows(
    base: Base,
    audit: pd.DataFrame,
    toward: Cells,
    book: Codebook,
    share: Mapping[str, float],
    min_passages: int,
    members: Members | None,
) -> list[pd.DataFrame]:
    """Return stance rows of method `design` (tuned PPI) for the cells with at least `LEAST` audited sentences."""
    frame = _check(audit)
    base.con.register("audited", frame)
    # Tables `pairs`, `hit` and `smap` were made by `cells.collect` on the same connection.
    base.con.execute(
        "CREATE OR REPLACE TEMP TABLE reach AS SELECT smap.name AS source, pairs.target, period, stratum, "
        "count(*) AS n FROM hit "
        "JOIN pairs USING (rid) JOIN smap ON hit.source = smap.code AND hit.year = smap.year "
        f"JOIN audited USING (passage_id) GROUP BY ALL HAVING count(*) >= {LEAST}"
    )
    units = base.con.execute(
        "SELECT reach.source, reach.target, reach.period, reach.stratum, hit.speech_id, hit.codes, "
        "audited.gold, audited.pi "
        "FROM hit JOIN pairs USING (rid) JOIN smap ON hit.source = smap.code AND hit.year = smap.year "
        "JOIN reach ON reach.source = smap.name AND reach.target = pairs.target AND reach.period = hit.period "
        "AND reach.stratum = hit.stratum LEFT JOIN audited USING (passage_id) ORDER BY ALL"
    ).df()
    wanted = set(map(tuple, toward.keys.itertuples(index=False)))
    rows: list[dict[str, Any]] = []
    for key, part in units.groupby(["source", "target", "period", "stratum"], sort=True):
        if tuple(key) not in wanted:
            continue
        seen = part["gold"].map(lambda g: isinstance(g, (list, np.ndarray))).to_numpy(bool)
        codes = _matrix(list(part["codes"]), book.classes)
        gold = np.full(codes.shape, np.nan)
        gold[seen] = _matrix(list(part["gold"][seen]), book.classes)
        for k, c in enumerate(book.classes):
            e = prevalence.ppi(
                gold[:, k], codes[:, k], inclusion=part["pi"].fillna(1.0), clusters=part["speech_id"].to_numpy(str)
            )
            indicator, value = book.meaning[c]
            rows.append(
                dict(zip(("source", "target", "period", "stratum"), key, strict=True))
                | {
                    "measure": "stance",
                    "indicator": indicator,
                    "value": value,
                    "method": "design",
                    "estimate": e.estimate,
                }
                | {"low": e.low, "high": e.high, "n_passages": len(part), "n_speeches": part["speech_id"].nunique()}
                | {"hidden": len(part) < min_passages}
            )
    return [pd.DataFrame(rows)] if rows else []
