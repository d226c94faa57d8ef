"""A model folder -> a folder in the form of the transformers library: no code in it, and no torch needed to write it.

config.json             the encoder's configuration, labels, and under `sca` what turns its output into codes
model.safetensors       the encoder, by the names that `AutoModel` gives its arrays
sca_head.safetensors    the head, and the n-gram model that is blended with it
tokenizer*.json, special_tokens_map.json
README.md               the card, with the header that the hub reads
codebook.toml, metrics.json

The head pools by mean, by first token and by an attention of each class, which `AutoModelForSequenceClassification`
does not know; `sca_nlp.classify.hub_model.SecurityIndicatorsNetwork` loads both files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.folder import ModelFolder, find_model, read_folder, reads_neighbours
from sca_nlp.classify.tokens import Beside
from sca_nlp.errors import InputError, MissingExtraError

#: The head's arrays, by the names of training.
HEAD = ("hidden.weight", "hidden.bias", "out.weight", "out.bias", "query.weight", "query.bias", "value.weight")
#: Version of the `sca` part of config.json.
FORM = 2
#: Files that a pushed folder may hold; anything else stays here.
FILES = (
    *("README.md", "config.json", "model.safetensors", "sca_head.safetensors", "codebook.toml", "metrics.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
)
_SPECIALS = (
    *(("cls_token", ("[CLS]", "<s>")), ("sep_token", ("[SEP]", "</s>")), ("pad_token", ("[PAD]", "<pad>"))),
    *(("unk_token", ("[UNK]", "<unk>")), ("mask_token", ("[MASK]", "<mask>"))),
)


def export_model(model: str | None, out: Path) -> Path:
    """Write a trained encoder as a folder that `transformers.AutoModel` and `AutoTokenizer` load; return the folder.

    Calibration and thresholds stand in `config.json`; the n-gram model goes into `sca_head.safetensors`. Ranges for
    8-bit products are left out: they serve this package's own runtime.

    Args:
        model: shipped name or model folder; None for the default.
        out: the folder; made if missing. Files of the same names are replaced.

    Raises:
        InputError: the model has no encoder, or `out` is a file.
        UnknownNameError: no such model.
    """
    from safetensors.numpy import save_file

    folder = read_folder(find_model(model))
    if folder.meta.get("kind") != "transformer":
        wanted = "a model of kind 'transformer'; others hold nothing that transformers could load"
        raise InputError(folder.path, f"a model of kind {folder.meta.get('kind')!r}", wanted)
    if out.exists() and not out.is_dir():
        raise InputError(out, "a file", "a folder to write to")
    arrays = {k: v for k, v in folder.arrays().items() if not k.startswith(("quant.", "exit."))}
    missing = [k for k in HEAD if k not in arrays]
    if missing:
        raise InputError(folder.path / "weights.safetensors", f"no array {missing[0]!r}", "the arrays of a classifier")
    encoder = {k.removeprefix("encoder."): _plain(v) for k, v in arrays.items() if k.startswith("encoder.")}
    head = {k: _plain(v) for k, v in arrays.items() if k in (*HEAD, "kinds") or k.startswith("lexical.")}
    out.mkdir(parents=True, exist_ok=True)
    save_file(encoder, out / "model.safetensors", {"format": "pt"})
    save_file(head, out / "sca_head.safetensors", {"format": "pt"})
    for name in ("model.safetensors", "sca_head.safetensors"):
        (out / name).chmod(0o644)
    texts = {"config.json": _json(_config(folder, arrays)), **_tokenizer(folder), "README.md": card(folder)}
    texts["codebook.toml"] = (folder.path / "codebook.toml").read_text("utf-8")
    if (folder.path / "metrics.json").exists():
        texts["metrics.json"] = (folder.path / "metrics.json").read_text("utf-8")
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return out


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return weights in fp32: what loads a folder would otherwise compute in the fp16 that they are stored in."""
    return np.ascontiguousarray(array.astype(np.float32))


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _config(folder: ModelFolder, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the configuration: the encoder's own, labels, and what this package adds."""
    path, classes = folder.path / "encoder.json", list(folder.codebook.classes)
    if path.exists():
        own = json.loads(path.read_text("utf-8"))
    else:
        given, stem = folder.meta["encoder"], "encoder.embeddings."
        own = {
            "model_type": "bert",
            "vocab_size": len(arrays[stem + "word_embeddings.weight"]),
            "max_position_embeddings": len(arrays[stem + "position_embeddings.weight"]),
            "type_vocab_size": len(arrays[stem + "token_type_embeddings.weight"]),
            "hidden_size": int(given["width"]),
            "num_hidden_layers": int(given["n_layers"]),
            "num_attention_heads": int(given["n_heads"]),
            "intermediate_size": len(arrays["encoder.encoder.layer.0.intermediate.dense.bias"]),
            "layer_norm_eps": float(given["eps"]),
            "hidden_act": "gelu",
        }
    own.pop("auto_map", None)  # code of others is neither run nor passed on
    lexical = folder.meta.get("lexical")
    return {
        **own,
        "id2label": {str(n): c for n, c in enumerate(classes)},
        "label2id": {c: n for n, c in enumerate(classes)},
        "problem_type": "multi_label_classification",
        "dtype": "float32",
        "sca": {
            "form": FORM,
            "id": folder.model_id,
            "digest": folder.digest,
            "loss": folder.meta.get("loss", "softmax"),
            "groups": folder.codebook.groups(),
            **{k: int(folder.meta["encoder"].get(k, 0)) for k in ("max_length", *asdict(Beside()))},
            "calibration": [[float(v) for v in row] for row in folder.decision.calibration],
            "thresholds": [float(t) for t in folder.decision.thresholds],
            "lexical": {k: lexical[k] for k in ("share", "ngrams")} if isinstance(lexical, dict) else None,
        },
    }


def _tokenizer(folder: ModelFolder) -> dict[str, str]:
    """Return the tokenizer's files by name."""
    raw = (folder.path / "tokenizer.json").read_text("utf-8")
    data = json.loads(raw)
    vocabulary = data.get("model", {}).get("vocab", {})
    words = vocabulary if isinstance(vocabulary, dict) else {w for w, _ in vocabulary}
    known = {t["content"] for t in data.get("added_tokens", ())} | set(words)
    specials = {kind: next(t for t in names if t in known) for kind, names in _SPECIALS if known & set(names)}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": int(folder.meta["encoder"]["max_length"]),
        "model_input_names": ["input_ids", "attention_mask"],
        **specials,
    }
    data["padding"] = data["truncation"] = None  # asked for in each call, not fixed in the file
    return {
        "tokenizer.json": json.dumps(data, ensure_ascii=False),
        "tokenizer_config.json": _json(settings),
        "special_tokens_map.json": _json(specials),
    }


def card(folder: ModelFolder) -> str:
    """Return the model's card with the hub's header and a page on how the folder is loaded."""
    path = folder.path / "card.md"
    own = path.read_text("utf-8") if path.exists() else f"# {folder.model_id}\n\nNo card was written.\n"
    title, _, rest = own.partition("\n")
    lexical = isinstance(folder.meta.get("lexical"), dict)
    parts = "the head, the n-gram model" if lexical else "the head (this model has no n-gram part)"
    share = " and the n-gram blend" if lexical else ""
    around = ""
    if reads_neighbours(folder.meta):
        around = 'model.score(["We want peace."], prev=["They came."], next=["They left."])  # read in its place\n'
    return f"""{_header(folder)}{title}

## Load

```python
from transformers import AutoModel, AutoTokenizer

encoder = AutoModel.from_pretrained("FOLDER")          # the encoder alone: sentence vectors, no codes
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
```

```python
from sca_nlp.classify.hub_model import SecurityIndicatorsNetwork   # pip install 'sca-nlp[train]'

model = SecurityIndicatorsNetwork.from_pretrained("FOLDER")
model(**tokenizer(["We want peace."], return_tensors="pt")).logits  # [n, classes], before calibration{share}
model.score(["We want peace."])                        # calibrated probabilities, as the package's own
{around}```

No remote code is needed and none is here. Do not load it with `AutoModelForSequenceClassification`: that class has no
place for this head and would start one at random. A pooler, where the encoder's class has one, was not trained either.

In the folder: the encoder (`model.safetensors`), {parts} (`sca_head.safetensors`), calibration and thresholds
(`config.json`, under `sca`). Not in it: the ranges of the 8-bit runtime, so it computes as profile `exact`.
{rest}"""


def _header(folder: ModelFolder) -> str:
    """Return the YAML header of the hub. Values are written as JSON, which is YAML too, so that none can break out."""
    path = folder.path / "metrics.json"
    test = (json.loads(path.read_text("utf-8")) if path.exists() else {}).get("test") or {}
    tags = ["security-community", "international-relations", "multi-label-classification", "sca_nlp"]
    languages = folder.meta.get("languages", ["en"])
    lines = [f"language: {json.dumps(languages)}", "license: apache-2.0", "library_name: transformers"]
    lines += ["pipeline_tag: text-classification", f"tags: {json.dumps(tags)}"]
    if isinstance(test.get("macro_f1"), (int, float)):
        result = {
            "task": {"type": "text-classification", "name": "Narrative indicators of a security community"},
            "dataset": {"type": "sca-public-test", "name": "sca_nlp public test set"},
            "metrics": [{"type": "f1", "name": "macro-F1", "value": round(float(test["macro_f1"]), 4)}],
        }
        lines += ["model-index: " + json.dumps([{"name": folder.model_id, "results": [result]}], ensure_ascii=False)]
    return "---\n" + "\n".join(lines) + "\n---\n"


def push_model(folder: Path, repo: str, endpoint: str | None = None, *, private: bool = False) -> str:
    """Send an exported folder to a hub and return the address of the commit.

    The token is huggingface_hub's own: environment variable HF_TOKEN, or that of `hf auth login`.

    Args:
        folder: what `export_model` wrote; only files of that form are sent.
        repo: `owner/name`; made where it does not exist.
        endpoint: address of the hub; None for huggingface_hub's own.
        private: make a new repository private.

    Raises:
        InputError: no exported folder, a wrong name, or the hub refused (its words are passed on).
        MissingExtraError: huggingface_hub is not installed (extra `hub`).
    """
    if not (folder / "config.json").exists() or not (folder / "sca_head.safetensors").exists():
        raise InputError(folder, "no config.json with sca_head.safetensors", "a folder that sca models export wrote")
    try:
        import httpx
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise MissingExtraError("huggingface_hub", "hub") from None
    try:
        api = HfApi(endpoint=endpoint, library_name="sca_nlp")
        api.create_repo(repo, private=private, exist_ok=True)
        message = f"sca_nlp model {json.loads((folder / 'config.json').read_text('utf-8'))['sca']['id']}"
        done = api.upload_folder(repo_id=repo, folder_path=folder, commit_message=message, allow_patterns=list(FILES))
    except HFValidationError as e:
        raise InputError("REPO", str(e).splitlines()[0], "owner/name") from None
    except (HfHubHTTPError, httpx.HTTPError, OSError) as e:
        said = getattr(e, "server_message", None) or str(e).splitlines()[0]
        raise InputError(
            endpoint or "the hub", said, "an address that takes the model, and a token with write access"
        ) from None
    return str(done.commit_url)
