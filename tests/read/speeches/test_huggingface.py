from __future__ import annotations

import pytest

from sca_nlp.errors import InputError
from sca_nlp.read.speeches import read_speeches
from sca_nlp.read.speeches.huggingface import read_huggingface

datasets = pytest.importorskip("datasets", reason="the extra 'hub' is not installed")

ROWS = {"doc_id": ["a", "b"], "year": [1999, 2000], "country": ["France", "Nowhere"], "body": ["one", "two"]}


def test_reads_a_saved_data_set(tmp_path):
    datasets.Dataset.from_dict(ROWS).save_to_disk(tmp_path / "d")
    rejects = []
    speeches = list(read_speeches(tmp_path / "d", columns={"text": "body"}, rejects=rejects.append))
    assert [(s.speech_id, s.date, s.source, s.text) for s in speeches] == [("a", "1999", "FRA", "one")]
    assert [r.line for r in rejects] == [2]


def test_splits(tmp_path):
    part = datasets.Dataset.from_dict(ROWS | {"country": ["FRA", "DEU"]})
    other = datasets.Dataset.from_dict({"doc_id": ["c"], "year": [1999], "country": ["FRA"], "body": ["three"]})
    datasets.DatasetDict(train=part, test=other).save_to_disk(tmp_path / "d")
    options = {"columns": {"text": "body"}, "rejects": [].append}
    assert [s.speech_id for s in read_huggingface(tmp_path / "d", **options)] == ["a", "b", "c"]
    assert [s.speech_id for s in read_huggingface(tmp_path / "d", split="test", **options)] == ["c"]
    with pytest.raises(InputError, match="one of train, test"):
        list(read_huggingface(tmp_path / "d", split="dev", **options))


def test_a_hub_name_is_asked_for_data_only(monkeypatch):
    asked = []

    def load(name, config, **options):
        asked.append((name, config, options))
        return datasets.DatasetDict(train=datasets.Dataset.from_dict(ROWS))

    monkeypatch.setattr(datasets, "load_dataset", load)
    speeches = list(read_speeches("owner/speeches", "huggingface", {"text": "body"}, rejects=[].append, revision="abc"))
    assert [s.corpus for s in speeches] == ["speeches"]
    ((name, config, options),) = asked
    assert (name, config, options["revision"]) == ("owner/speeches", None, "abc")
    assert not options.get("trust_remote_code")


def test_a_folder_that_is_no_data_set(tmp_path):
    with pytest.raises(InputError, match="no data set could be loaded"):
        list(read_huggingface(tmp_path, rejects=[].append))
