"""Each reader on its seeds and on some hundred mutations of them; `make fuzz` does it a million times."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.campaign import plain_slice
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_reader_refuses_and_never_crashes(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(seed)
    _, find = plain_slice(name, 0.4, random.Random(name), most=150)
    assert not find


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "finds").glob("*.bin")), ids=lambda p: p.stem)
def test_what_once_broke_a_reader_is_refused(path: Path) -> None:
    name = max((t for t in TARGETS if path.name.startswith(f"{t}-")), key=len)
    TARGETS[name].run(path.read_bytes())
