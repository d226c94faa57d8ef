"""How neighbours are read in torch, against the formula written out for one passage at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.classify.tokens import Beside, Window
from tests.classify.tiny import write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from transformers import AutoModel  # noqa: E402

from sca_nlp.classify.beside import can_look, padded, read_rows  # noqa: E402

OWN, BEFORE, AFTER = [2, 5, 6, 7, 3], [2, 9, 10, 11, 12, 13, 3], [2, 14, 3]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    path = write_encoder(tmp_path_factory.mktemp("encoder"), layers=3, spread=0.3)
    return AutoModel.from_pretrained(path, add_pooling_layer=False).eval()


def state(encoder: torch.nn.Module, ids: list[int], layers: int) -> torch.Tensor:
    """Return [length, width]: what the library itself makes of a sentence alone."""
    made = encoder(input_ids=torch.tensor([ids]), output_hidden_states=True)
    return made.hidden_states[layers][0]


def looked(layer: torch.nn.Module, own: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
    """Return what a layer makes of `own` where it also looks at `side`, head by head."""
    a, both = layer.attention.self, torch.cat([own, side])
    width = own.shape[1] // a.num_attention_heads
    found = []
    for h in range(a.num_attention_heads):
        q, k, v = (f(x)[:, h * width : (h + 1) * width] for f, x in ((a.query, own), (a.key, both), (a.value, both)))
        found.append((q @ k.T / width**0.5).softmax(1) @ v)
    between = layer.attention.output(torch.cat(found, 1), own)
    return layer.output(layer.intermediate(between), between)


def test_some_layers_look_at_what_neighbours_became_alone(encoder: torch.nn.Module) -> None:
    kinds = torch.randn(2, 16)
    beside = Beside(before=4, after=2, layers_alone=1, layers_beside=1)
    with torch.inference_mode():
        side = torch.cat([state(encoder, BEFORE, 1)[-4:] + kinds[0], state(encoder, AFTER, 1)[:2] + kinds[1]])
        h = looked(encoder.encoder.layer[1], state(encoder, OWN, 1), side)
        h = looked(encoder.encoder.layer[2], h, side[:0])
        rows = [Window(OWN, BEFORE, AFTER), Window(OWN), Window([2, 8, 3], OWN, [])]  # of any length and with any side
        got, mask = read_rows(encoder, rows, beside, kinds, 8)
        torch.testing.assert_close(got[0, :5], h, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(got[1, :5], state(encoder, OWN, 3), atol=1e-5, rtol=1e-4)
    assert mask.sum(1).tolist() == [5, 5, 3]
    assert got.shape[1] == 8


def test_without_neighbours_it_is_the_encoder_itself(encoder: torch.nn.Module) -> None:
    with torch.inference_mode():
        got, _ = read_rows(encoder, [Window(OWN, BEFORE, AFTER)], Beside(), None)
        torch.testing.assert_close(got[0], state(encoder, OWN, 3), atol=1e-5, rtol=1e-4)


def test_what_is_looked_at_is_learned_through(encoder: torch.nn.Module) -> None:
    kinds = torch.zeros(2, 16, requires_grad=True)
    encoder.zero_grad()
    h, _ = read_rows(encoder, [Window(OWN, BEFORE, [])], Beside(4, 2, 1, 1), kinds)
    h.sum().backward()
    assert kinds.grad is not None
    assert kinds.grad[0].abs().max() > 0
    assert kinds.grad[1].abs().max() == 0  # there is none after
    words = encoder.embeddings.word_embeddings.weight.grad
    assert words is not None
    assert words[BEFORE[-3]].abs().max() > 0


@pytest.mark.parametrize(("kind", "can"), [("bert", True), ("roberta", True), ("electra", True), ("albert", False)])
def test_encoders_whose_layers_are_berts_can_look(tmp_path: Path, kind: str, can: bool) -> None:
    assert can_look(AutoModel.from_pretrained(write_encoder(tmp_path, kind=kind))) == can


def test_lengths_are_padded_to_a_multiple() -> None:
    ids, mask = padded([[1, 2, 3], [4]], 8)
    assert ids.shape == (2, 8)
    assert mask.sum(1).tolist() == [3, 1]


@pytest.mark.parametrize(
    "sizes", [{"before": -1, "layers_beside": 1}, {"before": 3}, {"layers_beside": 2}, {"before": "x"}]
)
def test_what_cannot_be_is_refused(sizes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"before|invalid"):
        Beside.of(sizes)
