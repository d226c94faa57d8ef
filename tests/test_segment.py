"""Segmentation: offsets that rebuild the text, boundaries on the hard cases, and time that grows with length."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sca_nlp.records import Speech, passage_id
from sca_nlp.segment import LANGUAGES, MAX_LENGTH, guess_language, segment, sentence_spans
from training.segmentation_bench import agreement, boundary_f1, read_cases

CASES = read_cases()

PIECES = st.sampled_from(
    [
        *(
            "Mr. ",
            "U.S. ",
            "No. 5 ",
            "e.g. ",
            "peace",
            "Peace ",
            " we ",
            ". ",
            "? ",
            "! ",
            "… ",
            "... ",
            '"',
            "” ",
            "“",
            "\n",
        ),
        *(
            "\n\n",
            "\r\n",
            "- ",
            "• ",
            "53. ",
            "(a) ",
            "THE PRESIDENT: ",
            "Q ",
            "(Applause.)",
            "[Applause]",
            ";",
            ":",
            "—",
        ),
        *("мир. ", "和平。", "\u2028", "\x0c", "\t", "\u200b", "é", "I. ", "www.a.org/b ", "3.5", "»", " » "),
    ]
)
ONE_LINE = st.lists(PIECES.filter(lambda piece: not set(piece) & set("\n\r\u2028\x0c")), max_size=25).map("".join)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=60).map("".join))


def cut(text: str, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, language)]


@given(TEXTS, st.sampled_from([*LANGUAGES, "xx"]))
def test_spans_are_ordered_trimmed_and_cover_all_but_white_space(text: str, language: str) -> None:
    spans = sentence_spans(text, language)
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert not text[position:start].strip(), "characters between passages"
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@given(TEXTS)
def test_a_passage_rebuilds_from_its_offsets_and_knows_its_neighbours(text: str) -> None:
    passages = segment(Speech("s", "1985", "USA", text))
    assert [p.index for p in passages] == list(range(len(passages)))
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.passage_id == passage_id("s", passage.start, passage.end)
    assert [p.prev for p in passages] == ["", *[p.text for p in passages[:-1]]][: len(passages)]
    assert [p.next for p in passages] == [*[p.text for p in passages[1:]], ""][: len(passages)]


@given(st.lists(st.sampled_from(["We want peace.", "They left.", "Is it so?", "No!", "Mr. Hale spoke."]), max_size=12))
def test_plain_sentences_joined_by_a_space_come_back_one_by_one(sentences: list[str]) -> None:
    assert cut(" ".join(sentences)) == sentences


@example('"Mr. "', "Mr. ")
@example('"Mr. "', "")
@example("« Non. »", "")
@given(ONE_LINE, ONE_LINE)
def test_a_blank_line_parts_two_lines_as_if_they_were_two_texts(one: str, two: str) -> None:
    assert cut(f"{one}\n\n{two}") == cut(one) + cut(two)


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \r\n", "\u2003"])
def test_an_empty_text_has_no_passages(text: str) -> None:
    assert segment(Speech("s", "1985", "USA", text)) == []


def test_there_are_enough_cases_of_enough_kinds_in_two_halves() -> None:
    halves = Counter(case.half for case in CASES)
    assert len(CASES) >= 300
    assert min(halves["before"], halves["after"]) >= 150
    assert len({case.phenomenon for case in CASES}) >= 25
    assert len({case.text for case in CASES}) == len(CASES)


@pytest.mark.parametrize("half", ["before", "after"])
def test_boundary_f1_of_each_half_is_at_least_the_wanted_one(half: str) -> None:
    members = [case for case in CASES if case.half == half]
    assert boundary_f1(members, lambda text, language: [s for s, _ in sentence_spans(text, language)])[2] >= 0.97


@pytest.mark.parametrize("phenomenon", sorted({case.phenomenon for case in CASES}))
def test_no_phenomenon_is_left_out(phenomenon: str) -> None:
    members = [case for case in CASES if case.phenomenon == phenomenon]
    assert boundary_f1(members, lambda text, language: [s for s, _ in sentence_spans(text, language)])[2] >= 0.9


def test_long_text_without_stops_is_cut_at_semicolon_then_newline_then_space_then_anywhere() -> None:
    clause = "and the talks went on without an end "
    semicolon = clause * 45 + "and so on; " + clause * 45
    assert cut(semicolon)[0].endswith("so on;")
    newline = clause * 45 + "and so on\n" + clause * 45
    assert cut(newline)[0].endswith("so on")
    assert all(
        piece.endswith(("end", "an", "on", "and", "the", "talks", "went", "without")) for piece in cut(clause * 200)
    )
    assert [len(piece) for piece in cut("x" * 4500)] == [MAX_LENGTH, MAX_LENGTH, 500]


@pytest.mark.parametrize(
    "unit",
    [
        ".",
        "x",
        "x ",
        ". ",
        ".)",
        " ",
        "\n",
        "a.\n",
        '." ',
        "a\n",
        "A ",
        "(A.B ",
        "A:\n",
        "[Applause]",
        "- ",
        "1. ",
        "Mr. ",
        '"',
    ],
)
def test_nasty_input_takes_time_in_proportion_to_its_length(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit)) + "z"
        began = time.process_time()
        spans = sentence_spans(text)
        taken = time.process_time() - began
        assert max(end - start for start, end in spans) <= MAX_LENGTH
        return taken

    # Four times the text: about 4 times the time when linear, 16 when quadratic. The floor absorbs the clock's noise.
    assert seconds(200_000) < 10 * max(seconds(50_000), 0.02)


def test_a_wrapped_page_and_a_paragraph_a_line_are_read_differently() -> None:
    wrapped = "\n".join(
        ["We have come to this hall to ask for one thing and", "Norland has come to ask for another one, which is"] * 4
    )
    assert len(cut(wrapped)) == 1
    assert cut("Trade\nWe trade with all.\nPeace\nWe fight with none.") == [
        "Trade",
        "We trade with all.",
        "Peace",
        "We fight with none.",
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We have come to this hall because we believe that the treaty is worth keeping.", "en"),
        ("Мы считаем, что этот договор нужен не только нам, но и нашим соседям.", "ru"),
        ("Nous pensons que ce traité est nécessaire pour la sécurité de tous les peuples.", "fr"),
        ("Wir glauben, dass dieser Vertrag für die Sicherheit aller Völker wichtig ist.", "de"),
        ("Creemos que este tratado es necesario para la seguridad de todos los pueblos.", "es"),
        ("Ми вважаємо, що цей договір потрібен усім народам світу.", ""),
        ("我们认为这个条约是必要的。", ""),
        ("Wierzymy, że ten traktat jest potrzebny wszystkim narodom.", ""),
        ("12 345 !!", ""),
        ("", ""),
    ],
)
def test_language_is_guessed_from_stop_words(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_the_rules_follow_the_argument_then_the_speech_then_the_guess() -> None:
    text = "Wir kamen am 3. Oktober an. Das ist für uns alle ein guter Tag."
    assert len(segment(Speech("s", "1990", "DEU", text))) == 2
    assert len(segment(Speech("s", "1990", "DEU", text, language="de"))) == 2
    assert len(segment(Speech("s", "1990", "DEU", text), language="en")) == 3


def test_the_spacy_component_marks_the_same_sentences() -> None:
    from sca_nlp.segment.component import sentence_pipeline

    nlp = sentence_pipeline("en")
    text = "  Mr. Hale left the U.S. Senate. He said: “No.”\n\nPeace\nWe go on. "
    assert [sent.text.strip() for sent in nlp(text).sents if sent.text.strip()] == cut(text)
    assert list(nlp("").sents) == []
    same = sum([s.text.strip() for s in nlp(c.text).sents] == cut(c.text) for c in CASES if c.language == "en")
    assert same / sum(c.language == "en" for c in CASES) >= 0.95


@pytest.mark.data
def test_annotated_sentences_come_back_from_our_cut() -> None:
    data = Path(os.environ.get("SCA_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not (data / "annotations").is_dir():
        pytest.skip("SCA_DATA is unset and no data stand beside the project")
    for corpus, (total, share) in agreement(data, documents=60).items():
        assert share >= 0.9, f"{corpus}: {share:.3f} of {total}"
