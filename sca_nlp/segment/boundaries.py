"""Where sentences end: one pass over the candidates (terminators and line breaks), each decided from its surroundings.

Every look backward or forward is bounded and no pattern can backtrack, so time grows with the text's length whatever
stands in it.
"""

from __future__ import annotations

import re

from sca_nlp.segment.language import Rules, rules_for
from sca_nlp.segment.layout import NEWLINES, Layout, breaks_at_newline, read_layout, starts_item

#: No passage is longer (characters); longer ones are cut at a semicolon, else a line break, else a space.
MAX_LENGTH = 2000

_CLOSERS = "\"'”’“»›)\\]}」』）】*"
_WIDE = "。！？｡।؟۔"
# Terminators with their closing quotes, or a line break. Possessive: never backtracks, never fails after one character.
_CANDIDATE = re.compile(
    rf"([.!?…{_WIDE}]++)([{_CLOSERS}]*+)(\s*+)|[{NEWLINES}]\s*+"
    r"|[(\[](?:[Aa]pplause|[Ll]aughter|[Cc]heers|[Ii]naudible|[Cc]rosstalk)[)\]]\s*+"
)
_OPENERS = frozenset("\"'“”„‘‚«‹([{¿¡—–-_*•`")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]{1,2}")
_NUMBER = re.compile(r"\(?(?:\d{1,3}|[ivxlIVXL]{1,6}|[A-Za-z])\)?")
_NEXT = re.compile(r"[^\W_]+")
_ROMAN = re.compile(r"[IVXLC]{1,6}\b")
_NOTE = re.compile(r"(?:\d{1,2}|\[\d{1,3}\]|\*{1,3})[\"”’']?(?=\s+[\"“‘(]?[A-ZÀ-ÞА-ЯЁ])")
_LETTERED = re.compile(r"\((?:[a-z]|[ivx]{1,5}|\d{1,3})\)\s+[^\W\d_]")
_ZONES = frozenset(("EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "GMT", "UTC", "BST", "CET", "AEST", "MSK"))
_DAYS = frozenset(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
_LABELLED = frozenset(
    ("plan", "group", "annex", "option", "category", "part", "class", "grade", "type", "phase", "schedule", "appendix")
)
_UNITS = re.compile(r"[\d.,]+ ?(?:per ?cent|percent|%|million|billion|trillion)")
_SPOKEN = re.compile(
    r"(?:THE|MR|MRS|MS|DR|SECRETARY|SENATOR|PRESIDENT|VICE|PRIME|CHAIRMAN|REPORTER|QUESTION|ANSWER)[A-Z.' ]{0,40}"
)


def sentence_spans(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Return the character spans of a text's sentences, in order, without space at their edges.

    Spans never overlap and together hold every character that is not white space. A paragraph's number, a speaker's
    label and a closing quote belong to their sentence; a blank line always ends one; none is longer than `MAX_LENGTH`.

    Args:
        text: any text, also empty.
        language: ISO 639-1 code; rules exist for `en`, `ru`, `fr`, `de`, `es`, others are cut by the English ones.
    """
    rules = rules_for(language)
    layout = read_layout(text)
    spans: list[tuple[int, int]] = []
    size = len(text)
    start = size - len(text.lstrip())
    line = start
    for match in _CANDIDATE.finditer(text, start):
        begin, after = match.span()
        if after >= size:
            break
        if match.group(1) is None and text[begin] in "([":
            # A stage direction without a full stop stands alone unless the sentence goes on behind it.
            end = begin + len(match.group().rstrip())
            gap = text[end:after]
            line = after if _has_newline(gap) else line
            cut = _blank_line(gap) or (
                not text[after].islower() and (start == begin or (line == after and starts_item(text, after)))
            )
        elif match.group(1) is None:
            end = begin
            gap = match.group()
            while end > line and text[end - 1].isspace():
                end -= 1
            cut = _blank_line(gap) or breaks_at_newline(text, line, end, after, layout)
            line = after
        else:
            gap = match.group(3)
            end = match.end(2)
            fresh = _has_newline(gap)
            if fresh and _blank_line(gap):
                cut = True
            else:
                cut, end = _ends(text, start, line, match, fresh, layout, rules)
                if end > match.end(2):  # a closing quote set off by a space went with its sentence
                    after = _skip_space(text, end, size)
                    cut = cut or _blank_line(text[end:after])
            if fresh:
                line = after
        if cut and end > start:
            _add(spans, text, start, end)
            start = after
    if start < size:
        _add(spans, text, start, size)
    return spans


def _ends(
    text: str, start: int, line: int, match: re.Match[str], fresh: bool, layout: Layout, rules: Rules
) -> tuple[bool, int]:
    """Decide on a terminator; return (whether a sentence ends here, where it ends)."""
    mark, after = match.group(1), match.end()
    end = match.end(2)
    dot = match.start()
    if mark[-1] in _WIDE:
        return True, end
    if not match.group(3):
        return _ends_without_space(text, dot, end, mark)
    if text[after] in '"”' and (text[after + 1 : after + 2] or " ").isspace() and _quote_open(text, start, line, end):
        # A closing quote set off by a space: it belongs to the sentence that it closes.
        end = after + 1
        after = _skip_space(text, end, len(text))
        if after >= len(text):
            return True, end
    if fresh and starts_item(text, after):
        word = _word_before(text, dot, start)
        return len(word) != 1 and word.lower() not in rules.titles, end
    if text[after] == "»" and (text[after + 1 : after + 2] or " ").isspace():
        end = after + 1  # French sets its quotes off by a space
        after = _skip_space(text, end, len(text))
        if after >= len(text):
            return True, end
    if text[after : after + 1] in (".", ",", ";", ":", "?", "!", "…"):
        return False, end
    if _LETTERED.match(text, after) and not _known(_word_before(text, dot, start).lower(), rules):
        return True, end
    at = after
    while at < after + 6 and at < len(text) and (text[at] in _OPENERS or text[at] == " "):
        at += 1
    head = text[at] if at < len(text) else ""
    if head.islower():
        plain = fresh and not layout.wrapped and len(mark) == 1
        return plain and not _known(_word_before(text, dot, start).lower(), rules), end
    if not head or head.isspace():
        return True, end
    if mark != ".":
        return True, end
    if match.group(2) and match.group(2)[0] not in ")]'’":
        return True, end  # a full stop inside closing quotes
    return _period_ends(text, start, dot, at, rules), end


def _period_ends(text: str, start: int, dot: int, at: int, rules: Rules) -> bool:
    """Decide on a single full stop at `dot`, where the next word begins at `at` with a capital, digit or symbol."""
    word = _word_before(text, dot, start)
    if not word:
        return text[dot - 1].isspace() or not word
    lower = word.lower()
    found = _NEXT.match(text, at)
    following = found.group() if found else ""
    starter = following in rules.starters and text[at + len(following) : at + len(following) + 1] != "."
    if dot - len(word) <= start + (text[start] in _OPENERS) and _NUMBER.fullmatch(word):
        return False  # the number of a paragraph or list item stands with what it numbers
    if len(word) == 1 and word.isupper():
        before = text[max(start, dot - 20) : dot - 1].rstrip().rpartition(" ")[2].lower()
        if before in _LABELLED or word == "I":
            return starter or before in _LABELLED
        return starter and following not in ("A", "I")
    if lower in rules.titles or lower in rules.never:
        return False
    if lower in rules.references:
        return not (following[:1].isdigit() or _ROMAN.match(text, at) or "/" in text[at : at + 4])
    if lower in rules.months and (word[0].isupper() or text[max(start, dot - 24) : dot].split()[-2:][0].isdigit()):
        return not following[:1].isdigit()
    if lower in rules.may_end or _DOTTED.fullmatch(word):
        if lower in ("a.m", "p.m") and (following in _ZONES or following in _DAYS):
            return False
        return starter or lower == "etc"
    if word[-1].isdigit():
        if following[:1].isdigit():
            return not (len(word) <= 3 and _UNITS.match(text, at))
        return not (following.lower() in rules.ordinal_nouns and len(word) <= 3)
    return not (word.isupper() and _SPOKEN.fullmatch(text, start, dot))


def _ends_without_space(text: str, dot: int, end: int, mark: str) -> tuple[bool, int]:
    """Decide on a terminator with no space behind it: a lost space, a note number, or the inside of a name or URL."""
    before = text[max(0, dot - 3) : dot]
    if not (before[-2:].isalpha() and before[-2:].islower()):
        return False, end
    note = _NOTE.match(text, end)
    if note and (text[end] != "." and (before.isalpha() or not text[end].isdigit())):
        return True, note.end()
    if not before.isalpha():
        return False, end
    tail = text[end : end + 2]
    if tail.isalpha() and tail[0].isupper() and tail[1].islower():
        left = text[max(0, dot - 40) : dot].rpartition(" ")[2]
        return not any(sign in left for sign in "/@.") and end == dot + len(mark), end
    return False, end


def _word_before(text: str, dot: int, start: int) -> str:
    """Return the word that ends at `dot`, without the quotes, brackets and dashes before it."""
    piece = text[max(start, dot - 24) : dot].split()
    if not piece or text[dot - 1].isspace():
        return ""
    word = piece[-1]
    for sign in ("—", "–", "(", "[", "“", '"', "/"):
        if sign in word and (sign not in "([" or not word.endswith((")", "]"))):
            word = word.rpartition(sign)[2] or word
    # French elision: "l'art."
    return word[2:] if len(word) > 3 and word[1] in "'’" else word.lstrip("'‘«")


def _known(word: str, rules: Rules) -> bool:
    return (
        word in rules.titles
        or word in rules.never
        or word in rules.references
        or word in rules.may_end
        or word in rules.months
        or len(word) < 3
        or _DOTTED.fullmatch(word) is not None
    )


def _quote_open(text: str, start: int, line: int, end: int) -> bool:
    """Return whether a straight quote is open at `end`, counted from its line's start (4,000 characters at most)."""
    return text.count('"', max(min(start, line), end - 4000), end) % 2 == 1


def _has_newline(gap: str) -> bool:
    return gap != " " and any(sign in gap for sign in NEWLINES)


def _blank_line(gap: str) -> bool:
    return len(gap) > 1 and sum(gap.replace("\r\n", "\n").count(sign) for sign in NEWLINES) > 1


def _skip_space(text: str, at: int, size: int) -> int:
    while at < size and text[at].isspace():
        at += 1
    return at


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    """Append the span without edge space, cut into pieces of at most `MAX_LENGTH` characters."""
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > MAX_LENGTH:
        limit = start + MAX_LENGTH
        floor = start + MAX_LENGTH // 4
        cut = text.rfind(";", floor, limit) + 1
        cut = cut or text.rfind("\n", floor, limit) + 1
        cut = cut or max(text.rfind(" ", floor, limit), text.rfind("\t", floor, limit)) + 1
        cut = cut or limit
        stop = cut
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        if stop > start:
            spans.append((start, stop))
        start = _skip_space(text, cut, end)
    if end > start:
        spans.append((start, end))
