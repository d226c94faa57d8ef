"""How a text is laid out on its lines: hard-wrapped or one paragraph a line, and what a line begins with."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Characters that end a line. A carriage return alone does too (old files).
NEWLINES = "\n\r\x0b\x0c\x85\u2028\u2029"

_TERMINAL = frozenset(".!?…:;。！？।؟۔")
_CLOSING = "\"'”’»›)]}*"
_MAX_WIDTH = 130  # characters; longer lines are paragraphs, not wrapped lines
_MIN_LINES = 5

# A list item: a bullet, a dash, "(a)", "1)", "1.", "iv." followed by space. Bounded, so linear.
_ITEM = re.compile(
    r"[•▪◦‣●○■□·∙➢✓+](?=\s|[^\W\d_])|[*#]{1,6}(?=\s)|[-–—]{1,2}(?=\s)|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)](?=\s)|\((?:\d{1,3}|[a-z]|[ivx]{1,5})\)"
)
_CAPS = r"[A-ZÀ-ÞА-ЯЁ][A-ZÀ-ÞА-ЯЁ.'’\-]*"
# "THE PRESIDENT:", "MS. JEAN-PIERRE:", "Q:", "Q " of a transcript; mixed case only behind a title ("Mr. Smith:").
_TURN = re.compile(
    rf"\*{{0,2}}(?:{_CAPS}(?:,? (?:{_CAPS}|of|and|de|von|du)){{0,6}}(?: ?\([^()\n]{{1,40}}\))?:"
    r"|(?:Mr|Mrs|Ms|Dr|Sen|Gen|President|Prime Minister|Secretary|Minister|Senator|Reporter|Journalist|Question|Answer"
    r"|Moderator|Interviewer|Speaker)\.?(?: [A-Z][\w.'’\-]{0,30}){0,3}:|[QA][.:]|Q {1,3}(?=[A-Z“\"(\[—–]))"
)
_NUMBERED = re.compile(r"(?:\d{1,3}|[A-Z])\.\s")
_STAGE = re.compile(r"[(\[](?:Applause|Laughter|Cheers|Inaudible|Crosstalk|Pause|Interruption|Music|Booing)", re.I)
# A line that stops at one of these goes on in the next one; with a capital, the first half of a name.
_CONNECTING_WORDS = """
the a an of to and or in on at by for from with that which who as is are was were be been has have had will would not
its their our his her this these those into between against under over than but nor both such per
United Security General Soviet European Prime Foreign South North West East Middle New Secretary Federal
"""
_CONNECTING = frozenset(_CONNECTING_WORDS.split())


@dataclass(frozen=True, slots=True)
class Layout:
    """Whether lines were wrapped by hand or by a page, and the usual width of a full line in characters."""

    wrapped: bool
    width: int


def read_layout(text: str) -> Layout:
    """Return a text's layout: wrapped when full lines are short and often stop in the middle of a sentence."""
    lengths: list[int] = []
    broken = 0
    for line in text.splitlines():
        stripped = line.strip()
        if stripped:
            lengths.append(len(stripped))
            broken += stripped.rstrip(_CLOSING)[-1:] not in _TERMINAL
    if len(lengths) < 2:
        return Layout(False, 0)
    lengths.sort()
    width = lengths[int(0.9 * (len(lengths) - 1))]
    # A few lines prove nothing by their share, so they must nearly all be broken.
    share = 0.4 if len(lengths) >= _MIN_LINES else 0.5
    return Layout(30 <= width <= _MAX_WIDTH and broken >= share * len(lengths), width)


def starts_item(text: str, at: int) -> bool:
    """Return whether a list item, heading mark, speaker's turn or stage direction begins at `at`."""
    return bool(_ITEM.match(text, at) or _TURN.match(text, at) or _STAGE.match(text, at))


def is_turn_label(text: str, start: int, end: int) -> bool:
    """Return whether `text[start:end]` is nothing but a speaker's label (`PRIME MINISTER:`)."""
    found = _TURN.match(text, start, end)
    return found is not None and text[found.end() : end].strip("*") == ""


def breaks_at_newline(text: str, line_start: int, end: int, after: int, layout: Layout) -> bool:
    """Return whether a single line break that follows no full stop ends a sentence.

    Args:
        text: the whole text.
        line_start: where the line before the break begins.
        end: the end of that line without trailing space.
        after: where the next line's first character stands.
        layout: of the text.
    """
    length = end - line_start
    full = layout.wrapped and length >= 0.6 * layout.width
    if end <= line_start:
        return True
    if is_turn_label(text, line_start, end):
        return False
    if starts_item(text, after):
        # "... President | J. F. Kessler", "... reached Goal | 4. Then": a wrapped line, no list item
        return not (full and text[end - 1] not in _TERMINAL and _NUMBERED.match(text, after))
    last, first = text[end - 1], text[after]
    if first.islower():
        return False
    if last in ",-–—&/(" and length <= _MAX_WIDTH:
        return False
    word = text[max(line_start, end - 12) : end].rpartition(" ")[2]
    return not (full or (word in _CONNECTING and last not in ":;"))
