from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.classify.tiny import sentences, write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from sca_nlp.codebook import default_codebook  # noqa: E402
from sca_nlp.records import Annotation  # noqa: E402
from training.dataset import make_dataset  # noqa: E402
from training.encoders import open_base  # noqa: E402
from training.finish import probabilities  # noqa: E402
from training.network import predict  # noqa: E402
from training.packing import held_out  # noqa: E402
from training.settings import AnnotationsSection, EncoderSection, FitSection, TrainConfig  # noqa: E402

BOOK = default_codebook()


@pytest.mark.parametrize("kind", ["bert", "electra"])
def test_held_out_sentences_are_scored_as_the_runtime_will_score_them(tmp_path: Path, kind: str) -> None:
    base = open_base(str(write_encoder(tmp_path / "base", kind=kind, spread=0.3)))
    section = EncoderSection(base.name, 16, layers_alone=1, layers_beside=1)
    config = TrainConfig("tiny", (AnnotationsSection("x"),), "", encoder=section, fit=FitSection(hidden=8))
    model = base.network(BOOK, config.fit, section).eval()
    torch.nn.init.normal_(model.kinds)
    texts = sentences(60, 3, 12)
    near = zip(texts, ["", *texts[:-1]], [*texts[1:], ""], strict=True)
    rows = [Annotation(str(n), "d", 0, 0, t, (), prev=p, next=a) for n, (t, p, a) in enumerate(near)]
    data = make_dataset(rows, BOOK, "x", 0)
    index = np.arange(5, 40)
    held = data.take(index)
    got = held_out(model, config, data, index, 1)
    windows = base.windows(section, held.texts, *held.neighbours)
    expected = probabilities(predict(model, windows), BOOK, "softmax")
    assert np.abs(got - expected).max() < 0.1
    assert np.abs(got - expected).mean() < 0.01
    alone = replace(config, encoder=replace(section, before=0, after=0))
    assert np.abs(held_out(model, alone, data, index, 1) - expected).max() > 0.1
