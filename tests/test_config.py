from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.config import Config, build, moved, read_config, to_toml
from sca_nlp.errors import InputError, ScaError, UnknownNameError

MINIMAL = '[[speeches]]\npath = "a.csv"\n[words]\ndyads = [["RUS", "USA"]]\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, MINIMAL))
    assert config.name == "mine"
    assert config.folder == Path("runs/mine")
    assert config.speeches[0].path == str(tmp_path / "a.csv")
    assert config.words.dyads == (("RUS", "USA"),)


def test_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, MINIMAL.replace("a.csv", "${SCA_TEST_DATA}/a.csv"))
    monkeypatch.delenv("SCA_TEST_DATA", raising=False)
    with pytest.raises(ScaError, match="SCA_TEST_DATA"):
        read_config(path)
    monkeypatch.setenv("SCA_TEST_DATA", "/data")
    assert read_config(path).speeches[0].path == "/data/a.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[wrds]\n", "did you mean 'words'"),
        ("[words]\nperiods = 'year'\n", "did you mean 'period'"),
        ("[words]\nmin_passages = 'ten'\n", "whole number"),
        ("[words]\nmin_passages = true\n", "whole number"),
        ("[words]\ndyads = [['RUS']]\n", "list of 2"),
        ("[[deeds]]\nname = 'mid'\n", "no path"),
        ("speeches = 3\n", "a list"),
        ("x = \n", "TOML"),
        ("name = '../up'\n", "letters"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises((InputError, UnknownNameError), match=message):
        read_config(write(tmp_path, text))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path / "none.toml")


def test_resolved_config_comes_back(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, MINIMAL + '[compare]\ncrises = [{name = "x", first = "1999", last = 2000}]\n'))
    again = read_config(write(tmp_path, to_toml(config)))
    assert again == config
    assert again.digest() == config.digest()
    assert again.digest("words") == config.digest("words")


def test_digest_tells_configs_apart() -> None:
    assert (
        build(Config, {"name": "a", "seed": 1}, "x").digest() != build(Config, {"name": "a", "seed": 2}, "x").digest()
    )


def test_the_copy_kept_in_a_run_names_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "side.csv").write_text("file\n")
    text = MINIMAL.replace(
        "[words]", 'options = {sidecar = "side.csv"}\n[[deeds]]\nname = "chronology"\npath = "d.csv"\n[words]'
    )
    config = read_config(Path(write(tmp_path, text).name))
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(to_toml(moved(config, Path("runs/mine"))))
    again = read_config(folder / "config.toml")
    assert Path(again.speeches[0].path).resolve() == tmp_path / "a.csv"
    assert Path(again.deeds[0].path).resolve() == tmp_path / "d.csv"
    assert Path(again.speeches[0].options["sidecar"]).resolve() == tmp_path / "side.csv"
    absolute = read_config(tmp_path / "mine.toml")
    assert moved(absolute, folder) == absolute


def test_a_sidecar_within_the_folder_keeps_its_name(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, MINIMAL.replace("[words]", 'options = {sidecar = "within.csv"}\n[words]')))
    assert config.speeches[0].options["sidecar"] == "within.csv"
