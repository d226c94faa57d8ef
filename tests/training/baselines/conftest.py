from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.classify.tiny import write_encoder
from tests.training.baselines.small import write_bench
from training.baselines.material import Material, read_material


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like SCA_DATA, small: 300 sentences to learn from, 60 of other documents to test on."""
    pytest.importorskip("torch", reason="the torch extra is not installed")
    from tests.training.test_train import write_annotations

    folder = tmp_path_factory.mktemp("shared")
    (folder / "annotations").mkdir()
    write_annotations(folder / "annotations" / "train.jsonl", 300)
    path = write_annotations(folder / "annotations" / "test.jsonl", 60)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(json.dumps(r | {"doc_id": "test-" + r["doc_id"]}) for r in rows))
    write_bench(folder / "bench")
    return folder


@pytest.fixture(scope="session")
def material(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    encoder = write_encoder(tmp_path_factory.mktemp("encoder") / "tiny")
    return read_material(shared, base=str(encoder))
