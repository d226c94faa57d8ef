"""Numbers and names as they stand in running text, tables and labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

#: Row order and plain names of the eight manifestations (W 2.4).
MANIFESTATION_NAMES = {
    "military_spending": "Military spending and deployment",
    "doctrine": "Doctrine and planning",
    "security_cooperation": "Security co-operation",
    "verification": "Verification and monitoring",
    "response_to_threat": "Response to threat",
    "dispute_resolution": "Disputes resolved",
    "agreement_adherence": "Adherence to agreements",
    "institutionalisation": "Institutionalisation",
}
METHOD_NAMES = {
    "design": "design-based, audit-corrected",
    "adjusted": "adjusted for classifier error",
    "pooled": "adjusted, small cells leaning on the pair's other periods",
    "raw_probability": "raw, mean calibrated probability",
    "raw_count": "raw, classify and count",
}
#: What stands as headline where several methods are there, best first (measures.md, prevalence).
METHOD_ORDER = ("design", "adjusted", "pooled", "raw_probability", "raw_count")


def finite(x: Any) -> bool:
    """Tell whether x is a number that can be drawn."""
    try:
        return math.isfinite(float(x))
    except (TypeError, ValueError):
        return False


def num(x: Any, digits: int = 2, *, signed: bool = False) -> str:
    """Return a number with a true minus sign; an em dash for what is no number."""
    if not finite(x):
        return "—"
    text = f"{float(x):+.{digits}f}" if signed else f"{float(x):.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def interval(low: Any, high: Any, digits: int = 2, *, signed: bool = False) -> str:
    """Return `[low, high]`, or nothing where either is no number."""
    if not (finite(low) and finite(high)):
        return ""
    return f"[{num(low, digits, signed=signed)}, {num(high, digits, signed=signed)}]"


def pvalue(p: Any) -> str:
    """Return a p or q value: three digits, `<.001` below that."""
    if not finite(p):
        return "—"
    return "<.001" if float(p) < 0.001 else f"{float(p):.3f}".lstrip("0") if float(p) < 1 else "1"


def count(n: Any) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{int(n):,}".replace(",", "\u202f") if finite(n) else "—"


def plural(n: Any, word: str) -> str:
    """Return `1 speech`, `3 speeches`."""
    ending = "" if finite(n) and int(n) == 1 else "es" if word.endswith(("ch", "sh", "s")) else "s"
    return f"{count(n)} {word}{ending}"


def plain(name: str) -> str:
    """Return an identifier as words."""
    return name.replace("_", " ").replace("-", " ").strip()


def start(text: str) -> str:
    """Return a text with a capital at its beginning: `The West about Avaria`."""
    return text[:1].upper() + text[1:]


def span(first: Any, last: Any) -> str:
    """Return `1990–1994`, or `1990` where both are the same."""
    return f"{first}" if first == last else f"{first}–{last}"


def spans_line(rows: Sequence[Mapping[str, Any]], most: int = 8) -> str:
    """Return when sequences ran: `1990–1992, 2001 ×2`, the first ones where there are many."""
    said = Counter(span(r["start"], r["end"]) for r in rows)
    times = [f"{s} ×{n}" if n > 1 else s for s, n in said.items()]
    more = f" and {len(times) - most} more" if len(times) > most else ""
    return ", ".join(times[:most]) + more


def join(parts: list[str]) -> str:
    """Return `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
