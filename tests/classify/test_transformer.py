from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.classify.cascade import Cascade, plain_sentence
from sca_nlp.classify.folder import load_model, read_folder, write_folder
from sca_nlp.classify.linear import Ngrams, log_odds
from sca_nlp.classify.tokens import OVERLAP, Beside, Tokens, Window, apart, plan_batches, pool_windows, windows
from sca_nlp.classify.transformer import Transformer
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.share import share_path
from tests.classify.tiny import WORDS, sentences, tokenizer_json, write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from sca_nlp.classify.network import probabilities  # noqa: E402
from sca_nlp.records import Annotation  # noqa: E402
from training.dataset import make_dataset  # noqa: E402
from training.encoders import open_base  # noqa: E402
from training.exit import exit_log_odds, pooled  # noqa: E402
from training.linear import fit_linear  # noqa: E402
from training.network import predict  # noqa: E402
from training.packing import package, plain_decision  # noqa: E402
from training.settings import AnnotationsSection, EncoderSection, FitSection, TrainConfig  # noqa: E402

BOOK = default_codebook()
#: The tiny encoder has two layers: one reads each sentence alone, the other looks at neighbours, too.
SECTION = EncoderSection(max_length=16, before=7, after=5, layers_alone=1, layers_beside=1)
#: For encoders that cannot look at neighbours.
ALONE = EncoderSection(max_length=16, before=0, after=0)


def build(
    path: Path,
    kind: str = "bert",
    lexical: bool = False,
    most: float | None = None,
    leave: float | None = None,
    spread: float = 0.02,
    section: EncoderSection = SECTION,
) -> tuple[Path, object, object]:
    base = open_base(str(write_encoder(path / "base", kind=kind, spread=spread)))
    fit = FitSection(hidden=8)
    config = TrainConfig(
        "tiny",
        (AnnotationsSection("x"),),
        "",
        encoder=replace(section, base=base.name),
        fit=fit,
    )
    model = base.network(BOOK, fit, config.encoder).eval()
    if model.kinds is not None:  # as if learned
        torch.nn.init.normal_(model.kinds, std=spread)
    rows = [Annotation(str(n), "d", 0, 0, t, ()) for n, t in enumerate(sentences(40, 3, 12))]
    arrays, meta, texts = package(model, config, BOOK, base, make_dataset(rows, BOOK, "x", 0))
    if lexical:
        gold = np.random.default_rng(0).integers(0, 2, (40, 10)).astype(np.float32)
        arrays |= {f"lexical.{k}": v for k, v in fit_linear([r.text for r in rows], gold, 256).items()}
        meta["lexical"] = {"share": 0.35, "ngrams": 2}
    if most is not None:
        reader = {"carry": [[0.1, 0.9]] * 10, "decides": [[0, 1]] * 10, "counts": [5] * 10, "most": most}
        meta["cascade"] = {"ngrams": reader}
    if leave is not None:
        assert isinstance(meta["cascade"], dict)
        meta["cascade"] |= {"exit": {**reader, "carry": [[-0.2, 0.8]] * 10, "most": leave}}
        rng = np.random.default_rng(1)
        sizes = {"exit.hidden.weight": (6, 48), "exit.hidden.bias": (6,), "exit.out.weight": (10, 6)}
        sizes |= {"exit.out.bias": (10,), "exit.mix": (10, 10)}
        arrays |= {k: rng.normal(0, 0.3, size).astype(np.float16) for k, size in sizes.items()}
    write_folder(
        path / "m",
        meta={"id": "tiny-1", "kind": "transformer", **meta},
        codebook_bytes=share_path("configs", "codebook.toml").read_bytes(),
        decision=plain_decision(BOOK),
        arrays=arrays,
        texts=texts,
    )
    return path / "m", model, base


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object, object]:
    return build(tmp_path_factory.mktemp("tiny"))


def test_the_onnx_graph_equals_torch(tiny: tuple[Path, object, object]) -> None:
    folder, model, base = tiny
    texts = sentences(30, 1, 12)
    logits = torch.tensor(predict(model, base.windows(SECTION, texts)))
    expected = probabilities(logits, model.member).numpy()
    got = load_model(str(folder), profile="exact").predict(texts).probabilities
    np.testing.assert_allclose(got, expected, atol=2e-3)  # fp16 weights against fp32


def in_a_row(texts: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return sentences with those before and after, as a speech has them."""
    return texts, ["", *texts[:-1]], [*texts[1:], ""]


@pytest.mark.parametrize(
    ("kind", "layers"), [("bert", (1, 1)), ("bert", (0, 2)), ("electra", (1, 1)), ("roberta", (1, 1))]
)
def test_every_runtime_reads_the_same_neighbours(tmp_path: Path, kind: str, layers: tuple[int, int]) -> None:
    section = replace(SECTION, layers_alone=layers[0], layers_beside=layers[1])
    folder, model, base = build(tmp_path, kind, spread=0.3, section=section)
    said = in_a_row(sentences(30, 1, 12))
    rows = base.windows(section, *said)
    assert any(r.before and r.after for r in rows)
    expected = probabilities(torch.tensor(predict(model, rows)), model.member).numpy()
    classifier = load_model(str(folder), profile="exact", threads=1)
    got = classifier.predict(*said).probabilities
    np.testing.assert_allclose(got, expected, atol=2e-3)
    assert np.abs(got - classifier.predict(said[0]).probabilities).max() > 0.05  # they do say something
    np.testing.assert_allclose(load_model(str(folder), device="gpu").predict(*said).probabilities, got, atol=5e-2)


def test_an_encoder_whose_layers_are_not_berts_reads_a_sentence_alone(tmp_path: Path) -> None:
    base = open_base(str(write_encoder(tmp_path / "base", kind="albert")))
    with pytest.raises(InputError, match="neighbours for an encoder of type albert"):
        base.network(BOOK, FitSection(hidden=8), SECTION)
    assert base.network(BOOK, FitSection(hidden=8), ALONE).kinds is None


def test_a_passage_has_its_neighbours_nearest_windows_beside_it() -> None:
    cut = Tokens(tokenizer_json(), 8, Beside(2, 3, 1, 1))
    word = {w: n + 4 for n, w in enumerate(WORDS)}
    first, last = 2, 3
    middle, alone, long = cut(
        ["we talk", "peace", "war " * 20], ["they break the law", "", "never"], ["our friend is the enemy", "", "not"]
    )
    own = [first, word["we"], word["talk"], last]
    before = [first, *(word[w] for w in ("they", "break", "the", "law")), last]
    after = [first, *(word[w] for w in ("our", "friend", "is", "the", "enemy")), last]
    assert middle == [Window(own, before, after)]
    assert middle[0].alone() == Window(own)
    assert alone == [Window([first, word["peace"], last])]
    assert {(*w.before, *w.after) for w in long} == {(first, word["never"], last, first, word["not"], last)}
    assert len(long) > 1
    [under] = cut(["we talk"], ["war " * 20], ["war " * 20])
    assert (under[0].before, under[0].after) == (long[-1].ids, long[0].ids)
    assert cut(["we talk"]) == [[Window(own)]]
    with pytest.raises(InputError, match="2 for 1 passages"):
        cut(["we talk"], ["a", "b"], [""])


def test_a_window_is_read_alone_once_however_many_look_at_it() -> None:
    a, b = [2, 5, 3], [2, 6, 7, 3]
    pieces, where = apart([Window(a, [], b), Window(b, a, []), Window(a)])
    assert pieces == [a, b]
    assert where.tolist() == [[0, -1, 1], [1, 0, -1], [0, -1, -1]]


def test_how_many_windows_are_held_at_once_changes_nothing(tiny: tuple[Path, object, object]) -> None:
    said = in_a_row(sentences(30, 1, 12))
    classifier = load_model(str(tiny[0]), profile="exact", threads=2)
    whole = classifier.predict(*said).probabilities
    classifier.stretch, classifier.budget = 4, 30  # type: ignore[attr-defined]
    np.testing.assert_allclose(classifier.predict(*said).probabilities, whole, atol=1e-6)


def test_layers_are_what_the_encoder_has(tiny: tuple[Path, object, object]) -> None:
    names = ("max_length", "before", "after", "layers_alone", "layers_beside")
    assert [tiny[2].sizes(EncoderSection(max_length=64))[k] for k in names] == [32, 32, 24, 1, 1]
    assert [tiny[2].sizes(ALONE)[k] for k in names] == [16, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("profile", "lexical"),
    [("exact", False), ("exact", True), ("balanced", False), ("balanced", True), ("fast", True)],
)
def test_scores_do_not_hang_on_batch_order_or_threads(tmp_path: Path, profile: str, lexical: bool) -> None:
    folder, _, _ = build(tmp_path, lexical=lexical, most=0.7 if profile == "fast" else None)
    texts = sentences(60, 2, 60)
    model = load_model(str(folder), profile=profile, threads=1)
    assert model.profile == profile
    said = in_a_row(texts)
    whole = model.predict(*said).probabilities
    alone = np.vstack([model.predict(*([t] for t in row)).probabilities for row in zip(*said, strict=True)])
    np.testing.assert_allclose(whole, alone, atol=1e-5)
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = model.predict(*([column[i] for i in order] for column in said)).probabilities
    np.testing.assert_allclose(shuffled, whole[order], atol=1e-5)
    model.budget = 40
    np.testing.assert_allclose(model.predict(*said).probabilities, whole, atol=1e-5)
    many = load_model(str(folder), profile=profile, threads=3)
    many.budget = 40
    np.testing.assert_allclose(many.predict(*said).probabilities, whole, atol=1e-5)


def test_eight_bits_stay_near_fp32(tiny: tuple[Path, object, object]) -> None:
    texts = sentences(50, 5, 12)
    exact, balanced = (load_model(str(tiny[0]), profile=p).predict(texts).probabilities for p in ("exact", "balanced"))
    assert 0 < np.abs(exact - balanced).max() < 0.05


def test_the_cascade_passes_on_what_its_first_reader_doubts(tmp_path: Path) -> None:
    folder, _, _ = build(tmp_path, lexical=True, most=99)
    texts = [*sentences(80, 5, 12), "one " * 40]
    first, balanced = (load_model(str(folder), profile=p, threads=1).predict(texts) for p in ("fast", "balanced"))
    whole = read_folder(folder)
    reader, ngrams = Cascade(whole.meta["cascade"], {}, 10, "x"), Ngrams(whole.arrays(), 10, 2, "x", "lexical.")(texts)
    p, usual = reader.of_ngrams(texts, ngrams)  # all but those of a few words
    assert usual.mean() > 0.5
    np.testing.assert_allclose(first.probabilities[usual], p[usual], atol=1e-6)
    doubt = reader.ngrams.doubt(log_odds(ngrams))
    most = float(np.median(doubt))
    folder, _, _ = build(tmp_path, lexical=True, most=most)
    fast = load_model(str(folder), profile="fast", threads=1).predict(texts)
    settled = usual & (doubt <= most)
    assert 0 < settled.sum() < 81
    np.testing.assert_allclose(fast.probabilities[settled], p[settled], atol=1e-6)
    np.testing.assert_allclose(fast.probabilities[~settled], balanced.probabilities[~settled], atol=1e-6)
    assert not np.allclose(first.probabilities, balanced.probabilities, atol=1e-3)
    np.testing.assert_array_equal(fast.n_windows, balanced.n_windows)  # long passages are marked in either
    assert fast.n_windows[-1] > 1


def test_profile_fast_looks_at_no_neighbour_that_is_settled(tmp_path: Path) -> None:
    texts, prev, after = in_a_row(sentences(80, 5, 12))
    folder, _, _ = build(tmp_path, lexical=True, most=99, spread=0.3)
    whole = read_folder(folder)
    reader, ngrams = Cascade(whole.meta["cascade"], {}, 10, "x"), Ngrams(whole.arrays(), 10, 2, "x", "lexical.")(texts)
    most = float(np.median(reader.ngrams.doubt(log_odds(ngrams))))
    folder, _, _ = build(tmp_path, lexical=True, most=most, spread=0.3)
    fast, balanced = (load_model(str(folder), profile=p, threads=1) for p in ("fast", "balanced"))
    _, settled = Cascade(read_folder(folder).meta["cascade"], {}, 10, "x").of_ngrams(texts, ngrams)
    dull = {t for t, s in zip(texts, settled, strict=True) if s}
    got, near = (
        fast.predict(texts, prev, after).probabilities,
        [["" if t in dull else t for t in n] for n in (prev, after)],
    )
    np.testing.assert_allclose(got[~settled], balanced.predict(texts, *near).probabilities[~settled], atol=1e-6)
    assert np.abs(got - balanced.predict(texts, prev, after).probabilities)[~settled].max() > 1e-3
    one = next(n for n in np.flatnonzero(~settled) if n > 0)  # it does not hang on what else is read
    alone = fast.predict(texts[one : one + 1], prev[one : one + 1], after[one : one + 1]).probabilities
    np.testing.assert_allclose(alone[0], got[one], atol=1e-4)


def test_sentences_leave_at_the_exit_before_any_neighbour_is_looked_at(tmp_path: Path) -> None:
    texts, prev, after = in_a_row([*sentences(80, 5, 12), "one " * 40])  # the last in several windows, which go on
    folder, _, _ = build(tmp_path, lexical=True, most=0, leave=99, spread=0.3)
    whole = read_folder(folder)
    arrays, ngrams = whole.arrays(), Ngrams(whole.arrays(), 10, 2, "x", "lexical.")(texts)
    model = Transformer(whole, profile="fast", threads=1)
    said = exit_log_odds(
        {k: v for k, v in arrays.items() if k.startswith("exit.")}, pooled(model, texts), log_odds(ngrams)
    )
    cascade = Cascade(whole.meta["cascade"], arrays, 10, "x")
    assert cascade.exit is not None
    p, _ = cascade.exit(said)
    usual = np.array([plain_sentence(t) for t in texts[:-1]] + [False])
    balanced = load_model(str(folder), threads=1).predict(texts, prev, after).probabilities
    got = model.predict(texts, prev, after)
    np.testing.assert_allclose(got.probabilities[usual], p[usual], atol=1e-5)
    np.testing.assert_allclose(got.probabilities[~usual], balanced[~usual], atol=1e-6)
    assert got.n_windows[-1] > 1
    # Of those that go on, it changes nothing that others left: their states are looked at all the same.
    doubt = cascade.exit.doubt(said)
    folder, _, _ = build(tmp_path, lexical=True, most=0, leave=float(np.median(doubt)), spread=0.3)
    got = load_model(str(folder), profile="fast", threads=2).predict(texts, prev, after)
    left = usual & (doubt <= np.median(doubt))
    assert 10 < left.sum() < 70
    np.testing.assert_allclose(got.probabilities[left], p[left], atol=1e-5)
    np.testing.assert_allclose(got.probabilities[~left], balanced[~left], atol=1e-6)
    torch_too = load_model(str(folder), device="gpu").predict(texts, prev, after).probabilities
    np.testing.assert_allclose(torch_too, balanced, atol=0.05)  # it has no exit, and does not stumble over one


def test_a_cascade_that_cannot_be_is_refused(tmp_path: Path) -> None:
    whole, cascade = read_folder(build(tmp_path, lexical=True)[0]), {"layers": 1, "margin": 2.0}
    with pytest.raises(InputError, match="cascade"):
        Transformer(replace(whole, meta={**whole.meta, "cascade": cascade}), profile="fast")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_length": 400}, "places"),
        ({"layers_beside": 0}, "without layers"),
        ({"layers_alone": 9}, "sizes"),
        ({"after": -1}, "after"),
        ({"max_length": "x"}, "max_length"),
        ({"width": None}, "sizes"),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    tiny: tuple[Path, object, object], wrong: dict[str, object], said: str
) -> None:
    whole = read_folder(tiny[0])
    with pytest.raises(InputError, match=said):
        Transformer(replace(whole, meta={**whole.meta, "encoder": {**whole.meta["encoder"], **wrong}}))


def test_equal_texts_are_read_once(tiny: tuple[Path, object, object], monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(tiny[0]), threads=1)
    seen: list[int] = []
    run = Transformer._run
    monkeypatch.setattr(Transformer, "_run", lambda self, rows, *of: (seen.append(len(rows)), run(self, rows, *of))[1])
    p = model.predict(["we keep peace", "war", "we keep peace"]).probabilities
    assert seen == [2]
    np.testing.assert_array_equal(p[0], p[2])


def test_long_passages_are_windowed_and_marked(tiny: tuple[Path, object, object]) -> None:
    model = load_model(str(tiny[0]))
    long = " ".join(["peace"] * 200)
    scores = model.predict([long, "peace", ""])
    assert scores.n_windows.tolist()[1:] == [1, 1]
    assert scores.n_windows[0] > 1
    assert np.isfinite(scores.probabilities).all()


@pytest.mark.parametrize("size", [80, 16, 3])
@pytest.mark.parametrize("n", [0, 1, 14, 15, 20, 100, 777])
def test_windows_cover_every_token_and_overlap(n: int, size: int) -> None:
    cut = windows(range(10, 10 + n), 1, 2, size)
    assert all(w[0] == 1 and w[-1] == 2 and len(w) <= size for w in cut)
    assert {t for w in cut for t in w[1:-1]} == set(range(10, 10 + n))
    for a, b in pairwise(cut):
        assert len(set(a[1:-1]) & set(b[1:-1])) == min(OVERLAP, (size - 2) // 2)


def test_batches_hold_every_row_once_within_budget() -> None:
    lengths = np.random.default_rng(0).integers(1, 50, 200)
    plan = plan_batches(lengths, 120)
    assert sorted(np.concatenate(plan).tolist()) == list(range(200))
    assert all(len(b) * lengths[b].max() <= 120 or len(b) == 1 for b in plan)


def test_windows_are_pooled_by_maximum() -> None:
    p = np.array([[0.1, 0.9], [0.4, 0.2], [0.3, 0.3]], np.float32)
    np.testing.assert_allclose(pool_windows(p, np.array([0, 0, 1]), 2), [[0.4, 0.9], [0.3, 0.3]])


def test_odd_text_does_not_break_the_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer_json(), encoding="utf-8")
    cut = Tokens.from_file(path, {"max_length": 16})(["", "\ud800 war", "\x00\u202e", "peace " * 40])
    assert [len(c) for c in cut[:3]] == [1, 1, 1]
    path.write_text("{}")
    with pytest.raises(InputError, match="tokenizer"):
        Tokens.from_file(path, {"max_length": 16})


def test_other_architectures_run_in_torch(tmp_path: Path) -> None:
    folder, _, _ = build(tmp_path, kind="electra", lexical=True)
    runtime = load_model(str(folder), threads=1)
    texts = sentences(20, 4, 40)
    whole = runtime.predict(texts)
    runtime.budget = 30
    np.testing.assert_allclose(runtime.predict(texts).probabilities, whole.probabilities, atol=1e-4)
    assert whole.n_windows.max() > 1


@pytest.mark.parametrize("device", ["gpu", "gpu-compiled"])
def test_the_gpu_path_stays_near_exact_and_says_where_it_runs(
    tiny: tuple[Path, object, object], monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    if device == "gpu-compiled":  # what is compiled is tested, not the compiler
        whole = torch.compile
        monkeypatch.setattr(torch, "compile", lambda f, **options: whole(f, backend="eager", **options))
    texts = sentences(60, 7, 40)
    exact = load_model(str(tiny[0]), profile="exact").predict(texts)
    model = load_model(str(tiny[0]), device=device, threads=1)
    model.budget = 60
    got = model.predict(texts)
    np.testing.assert_allclose(got.probabilities, exact.probabilities, atol=1e-2)
    np.testing.assert_array_equal(got.n_windows, exact.n_windows)
    assert model.profile == "bf16"
    if not torch.cuda.is_available():
        assert "no GPU at hand" in model.notes[0]


def test_torch_reads_little_padding(tiny: tuple[Path, object, object], monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(tiny[0]), device="gpu", threads=1)
    model.budget = 80
    seen: list[tuple[int, int, int]] = []
    classify = model._logits

    def counted(rows: list[Window]) -> object:
        seen.append((len(rows), max(map(len, rows)), sum(map(len, rows))))
        return classify(rows)

    monkeypatch.setattr(model, "_logits", counted)
    model.predict(sentences(200, 8, 14))
    assert all(n * longest <= 80 for n, longest, _ in seen)
    assert sum(real for *_, real in seen) > 0.9 * sum(n * longest for n, longest, _ in seen)


def test_unknown_device(tiny: tuple[Path, object, object]) -> None:
    with pytest.raises(UnknownNameError, match="gpu-compiled"):
        load_model(str(tiny[0]), device="cuda")
