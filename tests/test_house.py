"""The house rules that a machine can hold: who may import whom, and which library lives in which room."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sca_nlp"

FLOOR = {
    "errors": 0,
    "records": 0,
    "share": 0,
    "codebook": 1,
    "config": 1,
    "registry": 1,
    "places": 1,
    "actors": 1,
    "read": 2,
    "segment": 2,
    "classify": 2,
    "attribute": 2,
    "store": 2,
    "aggregate": 2,
    "prevalence": 2,
    "agreement": 2,
    "compare": 2,
    "report": 2,
    "passages_io": 3,
    "pipeline": 3,
    "engine": 3,
    "simulate": 3,
    "validity": 3,
    "api": 4,
    "estimator": 4,
    "spacy_component": 4,
    "review": 4,
    "cli": 5,
}
# A floor on which the rooms stand one above the other, in this order: each may use those before it.
STAIRS = {
    0: ["errors", "share", "records"],
    1: ["codebook", "config", "actors", "registry", "places"],
    2: ["prevalence", "agreement", "aggregate"],
    3: ["simulate", "pipeline", "passages_io", "engine", "validity"],
    4: ["api", "estimator", "spacy_component", "review"],
}

ROOMS = {
    "spacy": {"segment", "actors", "spacy_component"},
    "torch": {"classify"},
    "transformers": {"classify"},
    "huggingface_hub": {"classify"},
    "onnxruntime": {"classify"},
    "sqlite3": {"review"},
    "fastapi": {"review"},
    "starlette": {"review"},
    "matplotlib": {"report", "api"},
    "ruptures": {"compare"},
    "typer": {"cli"},
    "datasets": {"read", "api"},
    "ray": {"engine"},
    "fsspec": {"places"},
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in ("__init__", "__main__", "_share"):
            found.append((parts[0], path))
    return found


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    typing_only: set[int] = set()
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            typing_only |= {id(n) for child in node.body for n in ast.walk(child)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module == "sca_nlp":
                names |= {f"sca_nlp.{a.name}" for a in node.names}
    return names


@pytest.mark.parametrize(("room", "path"), modules(), ids=lambda v: v.stem if isinstance(v, Path) else v)
def test_imports_come_from_lower_floors(room: str, path: Path) -> None:
    assert room in FLOOR, f"{room} has no floor: give it one here and in CONTRIBUTING"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "training":
            pytest.fail(f"{path}: the package imports training")
        if parts[0] != "sca_nlp" or len(parts) < 2 or parts[1] == room or parts[1].startswith("__"):
            continue
        other = parts[1]
        if FLOOR.get(other, -1) == FLOOR[room]:
            stairs = STAIRS.get(FLOOR[room], [])
            assert other in stairs, f"{path} imports {name}, a room on its own floor"
            assert stairs.index(other) < stairs.index(room), f"{path} imports {name}, above it"
        else:
            assert FLOOR.get(other, 0) < FLOOR[room], f"{path} imports {name} from a higher floor"


@pytest.mark.parametrize(("room", "path"), modules(), ids=lambda v: v.stem if isinstance(v, Path) else v)
def test_one_library_one_room(room: str, path: Path) -> None:
    for name in imports(path):
        allowed = ROOMS.get(name.split(".")[0])
        assert allowed is None or room in allowed, f"{path} imports {name}, whose room is {allowed}"


def test_import_is_light() -> None:
    heavy = "torch spacy pandas transformers onnxruntime matplotlib"
    code = f"import sys, sca_nlp; print(sorted(set({heavy!r}.split()) & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_import_takes_less_than_300_ms() -> None:
    """The quickest of five, so that a busy machine does not fail it."""
    code = "import time; start = time.perf_counter(); import sca_nlp; print(time.perf_counter() - start)"
    taken = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout)
        for _ in range(5)
    ]
    assert min(taken) < 0.3
