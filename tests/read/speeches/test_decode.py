from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.errors import InputError
from sca_nlp.read.speeches.decode import check_encoding, decode, detect_encoding, open_bytes, read_lines

GERMAN = "Wir wünschen uns Frieden für alle Völker. Die Größe unserer Aufgabe überrascht niemanden."
FRENCH = "La sécurité de nos alliés est liée à la nôtre; nous l’avons déjà dit où il fallait, très tôt."
POLISH = "Zażółć gęślą jaźń, obywatele: chcemy pokoju z sąsiadami i bezpieczeństwa dla wszystkich."
CZECH = "Vážení přátelé, chceme žít v míru se všemi sousedy a řešit spory společně."
TURKISH = "Barış için çalışıyoruz, komşularımızla güvenliği paylaşıyoruz."
RUSSIAN = "Привет, мир. Мы стоим за мир и дружбу народов, и мы помним о наших соседях."
GREEK = "Θέλουμε ειρήνη και ασφάλεια με όλους τους γείτονές μας"
JAPANESE = "私たちは平和を望んでいます。隣国とともに安全を築きます。"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(GERMAN, "cp1252"), (GERMAN, "mac_roman"), (FRENCH, "cp1252"), (POLISH, "cp1250"), (POLISH, "iso8859_2")]
    + [(CZECH, "cp1250"), (CZECH, "iso8859_2"), (TURKISH, "cp1254"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8_r")]
    + [(RUSSIAN, "cp866"), (GREEK, "cp1253"), (JAPANESE, "shift_jis"), (JAPANESE, "euc_jp")]
    + [(t, e) for t in (GERMAN, RUSSIAN, JAPANESE) for e in ("utf-8", "utf-8-sig", "utf-16", "utf-32")]
    + [(GERMAN, "utf-16-le"), (GERMAN, "utf-16-be")],
)
def test_text_comes_back_whatever_its_encoding(tmp_path, text, encoding):
    data = text.encode(encoding)
    assert decode(data)[0] == text
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert data.decode(detect_encoding(path).name) == text


def test_damaged_utf8_is_still_utf8_and_the_damage_is_counted(tmp_path):
    data = (GERMAN * 3).encode() + b"\xff\xfe"
    text, found = decode(data)
    assert (found.name, found.n_bad) == ("utf-8", 2)
    assert text == GERMAN * 3 + "\ufffd\ufffd"
    (tmp_path / "a").write_bytes(data)
    assert detect_encoding(tmp_path / "a").name == "utf-8"


def test_odd_bytes_deep_in_a_file_are_found(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"plain words and more\n" * 200_000 + GERMAN.encode("cp1252"))
    assert detect_encoding(path).name == "cp1252"


def test_a_character_cut_at_the_end_is_damage(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("é".encode()[:1] + b"")
    path.write_bytes(GERMAN.encode() + "é".encode()[:1])
    assert detect_encoding(path).n_bad == 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf8_is_never_changed(text):
    data = b"\xef\xbb\xbf" + text.encode()
    assert decode(data) == (text, decode(data)[1])
    assert decode(data)[1].n_bad == 0


@given(st.binary(max_size=300))
def test_any_bytes_decode(data):
    text, found = decode(data)
    assert isinstance(text, str)
    assert found.name


def test_unknown_encoding():
    with pytest.raises(InputError, match="'klingon'"):
        check_encoding("klingon", "a.csv")
    with pytest.raises(InputError, match="'base64'"):
        check_encoding("base64", "a.csv")


def test_gzip_is_told_by_its_first_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(b"hello\n"))
    assert open_bytes(path).read() == b"hello\n"


def test_gzip_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(1 << 27)))
    with open_bytes(path) as stream, pytest.raises(InputError, match="unpacks to more than 200 times"):
        list(iter(lambda: stream.read(1 << 20), b""))


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="not readable"):
        open_bytes(tmp_path / "none")


def test_lines_are_bounded():
    lines = list(read_lines(io.BytesIO(b"ab\n" + b"x" * 1000 + b"\r\nlast"), "utf-8", limit=10))
    assert [(line.number, line.cut) for line in lines] == [(1, False), (2, True), (3, False)]
    assert len(lines[1].text) <= 200
    assert lines[2].text == "last"


@given(st.lists(st.text("ab\u2028\x85é", max_size=5)), st.sampled_from(["\n", "\r\n", "\r"]))
def test_lines_join_to_the_text(parts, end):
    text = end.join(parts)
    lines = list(read_lines(io.BytesIO(text.encode()), "utf-8"))
    assert "".join(line.text for line in lines) == text
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("中曽根康弘", "shift_jis"),
        ("中曽根康弘、小渕恵三、福田赳夫", "euc_jp"),
        ("Пётр Иванов, Россия", "cp1251"),
        ("Wörner – Größe", "cp1252"),
        ("Łódź, Małgorzata Żółć", "cp1250"),
    ],
)
def test_names_among_english_text_are_read(name, encoding):
    text = f"id,speaker,text\n1,{name},We want peace with all our neighbours and trade with them.\n" * 6
    assert decode(text.encode(encoding))[0] == text
