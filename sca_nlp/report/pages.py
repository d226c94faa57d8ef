"""The form of the pages: templates that escape, a policy that lets nothing from outside in, files written whole."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from sca_nlp.codebook import Codebook
from sca_nlp.report import brief, provenance, wording
from sca_nlp.report.chart_main import anchor
from sca_nlp.report.chart_parts import deeds_key, direction_key
from sca_nlp.report.evidence import safe_url
from sca_nlp.report.summary import make_up_note, period_note, window_name

_TEMPLATES = Path(__file__).parent / "templates"


def environment(book: Codebook) -> Environment:
    """Return the templates with all that they call; text is escaped, and a name that is not given is an error."""
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    env.filters |= {
        "num": wording.num,
        "p": wording.pvalue,
        "settings": provenance.settings,
        "count": wording.count,
        "plain": wording.plain,
        "start": wording.start,
        "safe_url": safe_url,
        "elsewhere": _elsewhere,
    }
    env.tests["finite"] = wording.finite
    env.globals |= {
        "interval": wording.interval,
        "finite": wording.finite,
        "anchor": anchor,
        "direction_key": direction_key,
        "deeds_key": deeds_key,
        "period_note": period_note,
        "make_up_note": make_up_note,
        "manifestations": wording.MANIFESTATION_NAMES,
        "method_names": wording.METHOD_NAMES,
        "meaning": book.meaning,
        "book": book,
        "window_name": window_name,
        "plural": wording.plural,
        "tally": brief.tally,
        "line_of_tests": brief.line_of_tests,
        "choices_line": brief.choices_line,
        "spans_line": wording.spans_line,
        "trust_sign": book.trust_sign,
        "denied_for_trust": [
            i.name.lower() for i in book.indicators if any(i.trust_sign[v] > 0 for v in [*i.values][1:])
        ],
    }
    return env


def look() -> dict[str, str]:
    """Return what every page carries in itself: its `style` and `script`, and the policy `csp` that allows just these.

    Both are files of ours; nothing from outside is in them.
    """
    style, script = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(t.encode("utf-8")).digest()).decode() for t in (style, script)
    )
    csp = (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return {"csp": csp, "style": Markup(style), "script": Markup(script)}  # noqa: S704 (our own files)


def put(path: Path, text: str) -> None:
    """Write a page so that a kill leaves the one before or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.tmp")
    half.write_text(text, encoding="utf-8", newline="\n")
    half.replace(path)


def _elsewhere(markup: str, page: str, *anchors: str) -> Markup:
    """Return a part whose links within the page lead to another page instead: all, or those to some anchors."""
    which = "|".join(map(re.escape, anchors)) or '[^"]+'
    moved = re.sub(f'href="#({which})"', lambda m: f'href="{escape(page)}#{m[1]}"', str(markup))
    return Markup(moved)  # noqa: S704 (all of it was escaped before)
