"""Model folders: data only, checked before use. Nothing in one is ever executed or unpickled.

model.json            kind, id, classes, thresholds, calibration, training, sha256 of every other file
weights.safetensors   arrays
tokenizer.json        for encoders
codebook.toml         the codebook that the columns follow
metrics.json, card.md what was measured
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Classifier, Decision, decision_from
from sca_nlp.codebook import Codebook, read_codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.registry import resolve
from sca_nlp.share import share_path

#: The model that runs when a config names none.
DEFAULT_MODEL = "minilm"

_LIMITS = {
    "model.json": 1 << 20,
    "weights.safetensors": 4 << 30,
    "tokenizer.json": 64 << 20,
    "encoder.json": 1 << 20,
    "codebook.toml": 1 << 20,
    "lexicon.toml": 4 << 20,
    "metrics.json": 16 << 20,
    "card.md": 1 << 20,
}
_FORMAT = 1


@dataclass(frozen=True)
class ModelFolder:
    """A folder that passed its checks."""

    path: Path
    meta: Mapping[str, Any]
    codebook: Codebook
    decision: Decision
    digest: str

    @property
    def model_id(self) -> str:
        """Name and version, such as `sca-minilm-1`."""
        return str(self.meta["id"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the weights by name.

        Raises:
            InputError: the file is no safetensors file.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self.path / "weights.safetensors"
        try:
            loaded: dict[str, NDArray[Any]] = load_file(path)
        except (OSError, SafetensorError, KeyError) as e:
            raise InputError(path, f"not readable ({e})", "a safetensors file") from None
        return loaded


def read_folder(path: Path | str) -> ModelFolder:
    """Check a model folder and read what is in its `model.json`.

    Raises:
        InputError: a file is missing, unknown, a link, too large, or not the one that was written.
    """
    path = Path(path)
    if path.is_symlink() or not path.is_dir():
        put_aside = path.with_name(f".{path.name}.old")
        more = f"; {put_aside} is the model before, rename it" if put_aside.is_dir() and not path.exists() else ""
        raise InputError(path, "no folder", f"a model folder with model.json{more}")
    for entry in sorted(path.iterdir()):
        if entry.is_symlink() or not entry.is_file():
            raise InputError(entry, "a link or folder", "plain files only, in a model folder")
        if entry.name not in _LIMITS:
            raise InputError(
                entry, "a file of no known kind", f"only {', '.join(sorted(_LIMITS))}; code is never loaded"
            )
        if entry.stat().st_size > _LIMITS[entry.name]:
            raise InputError(entry, f"{entry.stat().st_size:,} bytes", f"at most {_LIMITS[entry.name]:,}")
    meta_path = path / "model.json"
    try:
        raw = meta_path.read_bytes()
        meta = json.loads(raw)
    except FileNotFoundError:
        raise InputError(meta_path, "no such file", "a model folder with model.json") from None
    except (ValueError, RecursionError) as e:
        raise InputError(meta_path, f"not JSON ({e})", "the model.json that training wrote") from None
    if not isinstance(meta, dict) or meta.get("format") != _FORMAT:
        got = meta.get("format") if isinstance(meta, dict) else type(meta).__name__
        raise InputError(meta_path, f"format {got!r}", f"format {_FORMAT}")
    files = meta.get("files")
    if not isinstance(files, dict) or "codebook.toml" not in files or not isinstance(meta.get("id"), str):
        raise InputError(meta_path, "no id or no digests of files", "id, kind, and files with their sha256")
    for name in _LIMITS:
        present = (path / name).exists()
        if name != "model.json" and present != (name in files):
            raise InputError(path / name, "there" if present else "missing", "exactly the files that model.json lists")
    for name, digest in files.items():
        if name not in _LIMITS or _sha256(path / name) != digest:
            raise InputError(path / str(name), "changed since training", f"sha256 {digest}")
    codebook = read_codebook(path / "codebook.toml")
    if list(codebook.classes) != meta.get("classes"):
        raise InputError(
            meta_path, f"classes {meta.get('classes')}", f"those of its codebook.toml, {list(codebook.classes)}"
        )
    return ModelFolder(path, meta, codebook, decision_from(meta, codebook, meta_path), _digest(meta))


def write_folder(
    path: Path,
    *,
    meta: Mapping[str, Any],
    codebook_bytes: bytes,
    decision: Decision,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    texts: Mapping[str, str] | None = None,
) -> ModelFolder:
    """Write a model folder and read it back.

    Args:
        path: the folder; made if missing, the model in it replaced as a whole.
        meta: `id`, `kind`, and what the kind needs.
        codebook_bytes: the codebook's TOML.
        decision: thresholds and calibration.
        arrays: weights, by name.
        texts: other files' content by name (`tokenizer.json`, `metrics.json`, `card.md`, ...).
    """
    from safetensors.numpy import save_file

    contents = {name: text.encode() for name, text in (texts or {}).items()} | {"codebook.toml": codebook_bytes}
    for name in contents:
        if name not in _LIMITS:
            raise InputError(path / name, "a file of no known kind", f"only {', '.join(sorted(_LIMITS))}")
    with _replacing(path) as new:
        for name, content in contents.items():
            (new / name).write_bytes(content)
        names = sorted(contents)
        if arrays:
            save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, new / "weights.safetensors")
            (new / "weights.safetensors").chmod(0o644)
            names.append("weights.safetensors")
        out = {
            "format": _FORMAT,
            **meta,
            "classes": list(decision.codebook.classes),
            "thresholds": [round(float(t), 5) for t in decision.thresholds],
            "calibration": [[round(float(v), 6) for v in row] for row in decision.calibration],
            "files": {name: _sha256(new / name) for name in sorted(names)},
        }
        (new / "model.json").write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return read_folder(path)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path` when all went well: a kill leaves the old model or the new.

    Raises:
        InputError: what is there is no model folder, and would be lost.
    """
    old = path.with_name(f".{path.name}.old")
    if not path.exists() and old.is_dir():  # killed between the two renames below
        old.rename(path)
    for entry in path.iterdir() if path.is_dir() else ():
        if entry.name not in _LIMITS:
            raise InputError(entry, "not of a model", "an empty folder, or a model's, to write a model into")
    path.parent.mkdir(parents=True, exist_ok=True)
    for stray in path.parent.glob(f".{path.name}.*.new"):
        shutil.rmtree(stray, ignore_errors=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.mkdir()
    try:
        yield new
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            path.rename(old)
        new.rename(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        if not path.exists() and old.is_dir():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def rewrite_texts(path: Path, texts: Mapping[str, str]) -> ModelFolder:
    """Replace a model's `metrics.json` or `card.md` after it was measured, and seal the folder again."""
    meta = json.loads((path / "model.json").read_text(encoding="utf-8"))
    for name in texts:
        if name not in ("metrics.json", "card.md"):
            raise InputError(path / name, "part of the model", "metrics.json or card.md")
    with _replacing(path) as new:
        for entry in path.iterdir():
            if entry.name not in (*texts, "model.json"):
                os.link(entry, new / entry.name)
        for name, text in texts.items():
            (new / name).write_text(text, encoding="utf-8")
            meta["files"][name] = _sha256(new / name)
        (new / "model.json").write_text(json.dumps(meta, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return read_folder(path)


def reads_neighbours(meta: Mapping[str, Any]) -> bool:
    """Return whether a model, told by its model.json, reads the sentences before and after beside each."""
    encoder = meta.get("encoder") or {}
    return bool(encoder.get("before") or encoder.get("after"))


def list_models() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(p.parent.name for p in share_path("models").glob("*/model.json"))


def find_model(name: str | None = None) -> Path:
    """Return the folder of a model: a path as it is, a name among the shipped ones, None the default.

    Raises:
        UnknownNameError: neither a folder nor a shipped name.
    """
    name = name or DEFAULT_MODEL
    known = list_models()
    if name in known:
        return share_path("models", name)
    if Path(name).is_dir():
        return Path(name)
    raise UnknownNameError("model", name, known)


def load_model(
    name: str | None = None, *, profile: str = "balanced", threads: int = 0, device: str = "cpu"
) -> Classifier:
    """Load a classifier.

    Args:
        name: shipped name or folder; None for `DEFAULT_MODEL`.
        profile: `exact` (fp32), `balanced` (int8 where that is faster) or `fast` (a cascade). Kinds without profiles
            ignore it.
        threads: threads of the runtime; 0 for the cores that this process may use.
        device: `cpu`, `gpu` or `gpu-compiled`: encoders then run in torch, in bf16, whatever the profile. Other kinds
            run on the CPU.

    Raises:
        InputError: the folder fails a check.
        UnknownNameError: no such model, kind, profile or device.
    """
    if device not in DEVICES:
        raise UnknownNameError("device", device, DEVICES)
    if profile not in PROFILES:
        raise UnknownNameError("profile", profile, PROFILES)
    folder = read_folder(find_model(name))
    kind = str(folder.meta.get("kind"))
    more = {"device": device} if kind == "transformer" else {}
    classifier: Classifier = resolve("classifier", kind)(folder, profile=profile, threads=threads, **more)
    return classifier


#: Ways to trade exactness for speed; measured in each model's card.
PROFILES = ("exact", "balanced", "fast")
#: Where encoders run.
DEVICES = ("cpu", "gpu", "gpu-compiled")


def _digest(meta: Mapping[str, Any]) -> str:
    """Return a digest of what decides the scores: not of figures and prose about them, which are added later."""
    decides = {k: v for k, v in meta.items() if k not in ("training", "files")}
    decides["files"] = {k: v for k, v in meta["files"].items() if k not in ("metrics.json", "card.md")}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
