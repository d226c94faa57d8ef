"""What comes from others is pinned, listed and allowed; and nothing asks the network without being told to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_every_dependency_is_pinned_with_its_digest() -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text())
    pinned = [b for b in blocks if not b.startswith("#")]
    assert len(pinned) > 100
    assert not [b.splitlines()[0] for b in pinned if "==" not in b or "--hash=sha256:" not in b]


def test_the_list_and_the_bill_of_materials_are_current_and_the_base_install_is_permissive() -> None:
    done = subprocess.run([sys.executable, str(ROOT / ".ci" / "sbom.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bill_of_materials_has_the_form_of_cyclonedx() -> None:
    bom = json.loads((ROOT / "sbom.cdx.json").read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    refs = [c["bom-ref"] for c in bom["components"]]
    assert len(refs) == len(set(refs))
    assert {r for d in bom["dependencies"] for r in d["dependsOn"]} <= set(refs)
    assert all(c["licenses"] and c["purl"].startswith("pkg:pypi/") for c in bom["components"])


BLOCKED = """
import socket, sys
def refuse(*a, **k):
    print("NETWORK", a, k, file=sys.stderr)
    raise SystemExit(99)
for name in ("connect", "connect_ex", "sendto", "bind"):
    setattr(socket.socket, name, refuse)
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
sys.addaudithook(lambda event, args: refuse(event, args) if event in ("socket.connect", "socket.getaddrinfo") else None)
from sca_nlp.cli import main
sys.argv = ["sca", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("offline")
    config = (ROOT / "configs" / "sample.toml").read_text().replace("../corpus", str(ROOT / "corpus"))
    config = config.replace('profile = "exact"', 'model = "lexicon"')
    config = re.sub(r"dyads = .*", 'dyads = [["NVL", "EMK"]]', config)
    config = config.replace("max_lag = 3", "max_lag = 1\npermutations = 5\ndraws = 5")
    (place / "mine.toml").write_text(config)
    return place


def test_the_whole_job_asks_no_network(place: Path) -> None:
    speeches = str(ROOT / "corpus" / "sample" / "speeches.jsonl")
    actors = str(ROOT / "corpus" / "sample" / "actors.toml")
    commands = [
        ["run", "mine.toml", "--out", "run"],
        ["check", "run"],
        ["verify", "run"],
        ["score", speeches, "--out", "scored", "--profile", "exact", "--actors", actors],
        ["report", "run"],
        ["export", "run", "--out", "passages.csv"],
        ["models", "list"],
    ]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-c", BLOCKED, *command], cwd=place, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, (command, done.stderr[-800:])
        assert "NETWORK" not in done.stderr


def test_the_block_would_be_felt() -> None:
    code = BLOCKED.split("from sca_nlp")[0] + "import urllib.request; urllib.request.urlopen('http://localhost:9')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 99
