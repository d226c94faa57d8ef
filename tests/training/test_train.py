from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.classify.folder import load_model
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError, UnknownNameError
from tests.classify.tiny import WORDS, sentences, write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from sca_nlp.classify.network import probabilities as of_logits  # noqa: E402
from training.encoders import open_base  # noqa: E402
from training.evaluate import compare_models, evaluate, minimal_pairs  # noqa: E402
from training.finish import probabilities, soften, taught_by, turn  # noqa: E402
from training.fit import fit, loss_of, share_of_rate  # noqa: E402
from training.network import SentenceClassifier, batches  # noqa: E402
from training.settings import EncoderSection, FitSection, read_train_config  # noqa: E402
from training.train import judged_on, load_annotations, train  # noqa: E402

torch.set_num_threads(1)

BOOK = default_codebook()
SECTION = EncoderSection(max_length=16, layers_alone=1, layers_beside=1)
PAIRS = Path(__file__).with_name("minimal_pairs.jsonl")


def write_annotations(path: Path, n: int = 150, classes: tuple[str, ...] = BOOK.classes) -> Path:
    """Write sentences in which one word gives the code away."""
    lines = []
    for i, text in enumerate(sentences(n, 7, 9)):
        code = classes[i % (len(classes) + 2)] if i % (len(classes) + 2) < len(classes) else None
        word = WORDS[classes.index(code)] if code else ""
        row = {"id": str(i), "doc_id": f"d{i // 2}", "date": f"{1950 + i % 60}", "country": "FRA", "corpus": "c"}
        row |= {"text": f"{word} {word} {text}".strip(), "codes": [code] if code else []}
        lines.append(json.dumps(row))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_config(path: Path, encoder: Path | None, **more: object) -> Path:
    top = {"name": "tiny-1", "out": str(path / "out"), "work": str(path / "work"), "workers": 1, "templates": 1, **more}
    text = "\n".join(f"{k} = {json.dumps(v)}" for k, v in top.items())
    text += f'\n[[annotations]]\npath = "{path / "annotations.jsonl"}"\n'
    if encoder is not None:
        text += f'[encoder]\nbase = "{encoder}"\nmax_length = 16\n[fit]\nepochs = 1\nhidden = 8\n'
        text += "[finish]\nepochs = 1\nseeds = 1\n"
    (path / "train.toml").write_text(text)
    return path / "train.toml"


def test_the_whole_recipe_on_a_tiny_encoder_resumes_and_scores(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"))
    said: list[str] = []
    folder = train(config, said.append)
    assert folder.model_id == "tiny-1"
    assert any("macro-F1" in line for line in said)
    first = (tmp_path / "out" / "weights.safetensors").read_bytes()
    model = load_model(str(tmp_path / "out"))
    report = evaluate(model, tmp_path / "annotations.jsonl", n_draws=20)
    assert set(report["classes"]) == set(BOOK.classes)
    assert 0 <= report["interval"][0] <= report["interval"][1] <= 1
    json.dumps(report)
    # Killed after two folds: only what is missing is made again, and the result is the same.
    (tmp_path / "work" / "final0.pt").unlink()
    (tmp_path / "work" / "fold2.pt").unlink()
    kept = (tmp_path / "work" / "fold0.pt").stat().st_mtime_ns
    train(config, said.append)
    assert (tmp_path / "work" / "fold0.pt").stat().st_mtime_ns == kept
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() == first
    # Another last fit: the folds' models serve, it alone is made again.
    config.write_text(config.read_text().replace("[finish]\nepochs = 1", "[finish]\nepochs = 2"))
    train(config, said.append)
    assert (tmp_path / "work" / "fold0.pt").stat().st_mtime_ns == kept
    assert "the last fit is made anew: [finish] has changed" in said
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() != first


def test_parts_of_another_run_are_refused(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    train(write_config(tmp_path, None, kind="linear"), lambda line: None)
    with pytest.raises(InputError, match="other settings"):
        train(write_config(tmp_path, None, kind="linear", templates=3), lambda line: None)


def test_another_codebook_and_a_linear_model(tmp_path: Path) -> None:
    book = tmp_path / "tone.toml"
    book.write_text(
        'name = "tone"\nversion = "1"\n[[indicator]]\nid = "tone"\nshort = "T"\nname = "Tone"\n'
        'values = [{ value = "warm", mark = "w" }, { value = "cold", mark = "c" }, { value = "dry", mark = "d" }]\n'
    )
    write_annotations(tmp_path / "annotations.jsonl", 120, ("Tw", "Tc", "Td"))
    folder = train(write_config(tmp_path, None, kind="linear", codebook=str(book)), lambda line: None)
    model = load_model(str(folder.path))
    assert model.codebook.classes == ("Tw", "Tc", "Td")
    report = evaluate(model, tmp_path / "annotations.jsonl", n_draws=10)
    assert report["macro_f1"] > 0.9  # one word gives each code away
    assert compare_models(model, model, tmp_path / "annotations.jsonl", n_draws=50)["difference"] == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kind": "forest"}, UnknownNameError, "forest"),
        ({"fewest": 500}, InputError, "too few examples"),
        ({"epoch": 3}, UnknownNameError, "epoch"),
    ],
)
def test_clear_errors(tmp_path: Path, change: dict[str, object], error: type[Exception], message: str) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    with pytest.raises(error, match=message):
        train(write_config(tmp_path, None, **change), lambda line: None)


def test_the_random_audit_is_never_learned_from(tmp_path: Path) -> None:
    path = write_annotations(tmp_path / "annotations.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(json.dumps(r | ({"stream": "audit"} if k % 5 == 0 else {})) for k, r in enumerate(rows)))
    said: list[str] = []
    data = load_annotations(read_train_config(write_config(tmp_path, None)), BOOK, said.append)
    assert len(data.rows) == 120
    assert "30 sentences of the random audit are left out" in said[0]


def test_codes_without_texts_find_their_sentences(tmp_path: Path) -> None:
    path = write_annotations(tmp_path / "annotations.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    speeches = [{"speech_id": r["id"], "date": "1990", "source": "FRA", "text": r["text"]} for r in rows]
    (tmp_path / "speeches.jsonl").write_text("\n".join(json.dumps(s) for s in speeches))
    bare = [{"id": r["id"], "speech_id": r["id"], "start": 0, "end": len(r["text"]), "codes": r["codes"]} for r in rows]
    path.write_text("\n".join(json.dumps(r) for r in bare))
    config = write_config(tmp_path, None)
    text = config.read_text() + f'speeches = "{tmp_path / "speeches.jsonl"}"\n'
    config.write_text(text)
    data = load_annotations(read_train_config(config), BOOK, lambda line: None)
    assert data.texts == [r["text"] for r in rows]


def test_the_shipped_config_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCA_DATA", "/data")
    config = read_train_config("configs/train.toml")
    assert config.split.folds >= 2


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> object:
    return open_base(str(write_encoder(tmp_path_factory.mktemp("encoder"))))


def test_a_killed_fit_goes_on_from_its_checkpoint(tmp_path: Path, base: object) -> None:
    settings = FitSection(epochs=3, hidden=8, budget=128, patience=0)
    ids = base.windows(SECTION, sentences(60, 1, 9))
    gold = np.random.default_rng(0).integers(0, 2, (60, 10)).astype(np.float32)

    def run(checkpoint: Path | None, log: object = lambda row: None) -> dict[str, torch.Tensor]:
        return fit(
            base.network(BOOK, settings, SECTION), ids, gold, settings, checkpoint=checkpoint, log=log
        ).state_dict()

    whole = run(None)

    class Killed(Exception):
        pass

    def kill(row: dict[str, object]) -> None:
        if row.get("epoch") == 3:
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "c", kill)
    seen: list[dict[str, object]] = []
    resumed = run(tmp_path / "c", seen.append)
    assert [r["epoch"] for r in seen if "epoch" in r] == [3]
    # Dropout draws differ after the restart, so weights agree closely, not to the bit.
    assert all((whole[k] - resumed[k]).abs().mean() < 5e-3 for k in whole)
    with pytest.raises(InputError, match="other settings"):
        fit(base.network(BOOK, settings, SECTION), ids, gold, FitSection(epochs=9, hidden=8), checkpoint=tmp_path / "c")


def test_the_rate_rises_anew_with_every_cycle(tmp_path: Path, base: object) -> None:
    up_and_down = [share_of_rate(k, 100, 0.1) for k in range(100)]
    assert max(up_and_down) == pytest.approx(1.0)
    assert up_and_down[0] == pytest.approx(0.1)
    assert up_and_down[-1] < 0.02
    ids = base.windows(SECTION, sentences(60, 1, 9))
    gold = np.random.default_rng(0).integers(0, 2, (60, 10)).astype(np.float32)

    class Killed(Exception):
        pass

    def kill(row: dict[str, object]) -> None:
        if row.get("epoch") == 2 and killed:
            raise Killed

    killed = True

    def after_one(epochs: int, cycle: int) -> dict[int, torch.Tensor]:
        settings = FitSection(epochs=epochs, cycle=cycle, hidden=8, budget=128, patience=0, average=0)
        checkpoint = tmp_path / f"{epochs}-{cycle}"
        with contextlib.suppress(Killed):
            fit(base.network(BOOK, settings, SECTION), ids, gold, settings, checkpoint=checkpoint, log=kill)
        state = torch.load(checkpoint, weights_only=True)
        assert state["epoch"] == (1 if killed else 2)
        return dict(enumerate(state["masters"]))

    one, half_way, first_cycle = after_one(1, 0), after_one(2, 0), after_one(2, 1)
    assert all(torch.equal(one[k], first_cycle[k]) for k in one)  # a cycle is a whole fit of so many epochs
    assert not all(torch.equal(one[k], half_way[k]) for k in one)
    killed = False
    two = after_one(2, 1)  # the second cycle moves on: its rate is no longer near zero
    assert not all(torch.allclose(one[k], two[k], atol=1e-4) for k in one)


@pytest.mark.parametrize("cycle", [-1, 2, 4])
def test_a_cycle_that_does_not_divide_the_epochs_is_refused(tmp_path: Path, cycle: int) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    config = write_config(tmp_path, None)
    config.write_text(config.read_text() + f"[fit]\nepochs = 3\ncycle = {cycle}\n")
    with pytest.raises(InputError, match=r"fit\.cycle"):
        read_train_config(config)


def test_other_runs_teach_the_last_fit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    own, other = (rng.uniform(0.1, 0.9, (6, 2)).astype(np.float32) for _ in range(2))
    gold, fold = (own > 0.5).astype(np.float32), np.arange(6) % 3
    np.testing.assert_array_equal(taught_by(own, gold, fold, ()), own)
    np.savez(tmp_path / "out_of_fold.npz", raw=other, gold=gold, fold=fold)
    odds = np.sqrt(own / (1 - own) * other / (1 - other))  # the mean of log odds is the geometric one of odds
    np.testing.assert_allclose(taught_by(own, gold, fold, [str(tmp_path)]), odds / (1 + odds), rtol=1e-5)
    with pytest.raises(InputError, match="other sentences or folds"):  # its models have seen what they would judge
        taught_by(own, gold, fold[::-1], [str(tmp_path)])
    (tmp_path / "out_of_fold.npz").write_bytes(b"PK\x03\x04no archive")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="not readable"):
            taught_by(own, gold, fold, [str(folder)])


def test_softmax_loss_is_the_likelihood_of_the_three_values(base: object) -> None:
    model: SentenceClassifier = base.network(BOOK, FitSection(hidden=8), SECTION)
    logits = torch.randn(4, 10)
    gold = torch.zeros(4, 10)
    gold[0, 0] = gold[1, 3] = 1
    p = of_logits(logits, model.get_buffer("member"))
    expected = 0.0
    for i in range(4):
        for group in BOOK.groups():
            inside = [k for k in group if gold[i, k] == 1]
            expected -= float(torch.log(p[i, inside[0]] if inside else 1 - p[i, group].sum()))
    assert float(loss_of(logits, gold, model, torch.ones(10), "softmax")) == pytest.approx(expected / 4, rel=1e-4)
    np.testing.assert_allclose(probabilities(logits.numpy(), BOOK, "softmax"), p.numpy(), atol=1e-6)


def test_dropout_by_the_byte_keeps_means_and_rests_outside_training() -> None:
    import torch

    from training.network import ByteDropout, quicken

    torch.manual_seed(0)
    drop, x = ByteDropout(0.1), torch.ones(300, 401)
    y = drop(x)
    assert torch.equal(y.unique(), torch.tensor([0.0, 256 / 230]))
    assert abs(float((y == 0).float().mean()) - 26 / 256) < 0.004
    assert abs(float(y.mean()) - 1) < 0.004
    assert not torch.equal(drop(x), y)  # another mask
    assert torch.equal(drop.eval()(x), x)
    assert drop(torch.ones(3, dtype=torch.bfloat16)).dtype == torch.bfloat16
    whole = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Dropout(0.2), torch.nn.Dropout(0)))
    quicken(whole)
    assert [type(m).__name__ for m in whole[1]] == ["ByteDropout", "Dropout"]


def test_fits_on_a_share_of_the_sentences_take_turns(tmp_path: Path) -> None:
    halves = [turn(11, 0.5, k, 1) for k in (0, 1)]
    assert [len(h) for h in halves] == [6, 6]
    assert set(halves[0]) | set(halves[1]) == set(range(11))
    assert sorted(turn(11, 1.0, 3, 1)) == list(range(11))
    assert not np.array_equal(turn(11, 1.0, 0, 1), turn(11, 1.0, 0, 2))
    write_annotations(tmp_path / "annotations.jsonl")
    config = write_config(tmp_path, None)
    config.write_text(config.read_text() + "[finish]\nshare = 1.5\n")
    with pytest.raises(InputError, match=r"finish\.share"):
        read_train_config(config)


def test_softened_targets_stay_shares() -> None:
    t = soften(np.eye(2, dtype=np.float32), np.full((2, 2), 0.5, np.float32), 0.4)
    np.testing.assert_allclose(t, [[0.8, 0.2], [0.2, 0.8]])


def test_shuffled_batches_hold_every_row_once() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, 300)
    plan = batches(lengths, 256, np.random.default_rng(1))
    assert sorted(np.concatenate(plan).tolist()) == list(range(300))
    assert all(len(b) * lengths[b].max() <= 256 for b in plan)


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def test_the_suite_of_minimal_pairs_is_whole() -> None:
    pairs = [json.loads(line) for line in PAIRS.read_text().splitlines()]
    assert len(pairs) >= 200
    assert len({p["phenomenon"] for p in pairs}) == 6
    for p in pairs:
        assert p["values"][0] != p["values"][1]
        assert BOOK.indicator(p["indicator"])
    lines = Path("training/templates.txt").read_text(encoding="utf-8").splitlines()
    templates = [words(re.sub(r"\{[AB]\}", "", line.split("|", 2)[2])) for line in lines if not line.startswith("#")]
    for p in pairs:
        for mine in map(words, p["texts"]):  # a pair that is all but a template would measure memory
            assert max(len(mine & t) / len(mine | t) for t in templates) < 0.7, p


def test_a_sample_of_minimal_pairs_holds_on_the_default_model(tmp_path: Path) -> None:
    sample = tmp_path / "sample.jsonl"
    sample.write_text("\n".join(PAIRS.read_text().splitlines()[::5]))
    found = minimal_pairs(load_model(), sample)
    right = np.mean([v["sentences_right"] for v in found.values()])
    assert right > 0.5, found  # the card gives the figure of the whole suite, phenomenon by phenomenon


def test_an_informative_draw_teaches_but_sets_no_thresholds(tmp_path: Path) -> None:
    path = write_annotations(tmp_path / "annotations.jsonl", 600)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for k, row in enumerate(rows):
        row["stream"] = "informative" if k % 10 == 0 else ""
    path.write_text("\n".join(json.dumps(r) for r in rows))
    config = read_train_config(write_config(tmp_path, None))
    data = load_annotations(config, BOOK, lambda line: None)
    assert len(judged_on(data)) == 540
    assert len(judged_on(data, enough=500)) == 600
