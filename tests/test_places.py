from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="the extra `ray` is not installed")

from sca_nlp import places
from sca_nlp.config import SpeechesSection
from sca_nlp.errors import InputError, MissingExtraError, ScaError
from sca_nlp.pipeline import read
from sca_nlp.places import Lease, RemotePath, fetched, place
from sca_nlp.records import Reject
from tests.s3_stand_in import bucket


@pytest.fixture(params=["memory", "s3", "local"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemotePath]:
    places._open_filesystem.cache_clear()
    if request.param == "s3":
        with bucket() as (environment, _):
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            yield RemotePath("s3://bucket/deep/run")
    elif request.param == "memory":
        yield RemotePath(f"memory://{tmp_path.name}/run")
    else:  # fsspec on local files: a file system with renames
        yield RemotePath(f"local://{tmp_path}/run")
    places._open_filesystem.cache_clear()


def test_files_come_and_go(root: RemotePath) -> None:
    assert not root.exists()
    assert list(root.glob("*")) == []
    (root / "speeches").mkdir(parents=True, exist_ok=True)
    one = root / "speeches" / "part-1.parquet"
    one.write_whole(b"first")
    one.write_whole(b"second")
    (root / "speeches" / ".x.tmp").write_whole(b"")
    assert (one.read_bytes(), one.read_text(), one.name) == (b"second", "second", "part-1.parquet")
    assert root.exists()
    assert root.is_dir()
    assert list((root / "speeches").glob("part-*")) == [one]
    assert [p.name for p in (root / "speeches").glob(".*.tmp")] == [".x.tmp"]
    one.unlink()
    one.unlink(missing_ok=True)
    assert not one.exists()
    with pytest.raises(FileNotFoundError):
        one.read_bytes()


def test_speeches_are_read_from_where_they_lie(root: RemotePath) -> None:
    root.mkdir(parents=True)
    (root / "a.csv").write_whole(b"id,date,country,text\n1,1999,FRA,Peace.\n2,1999,Nowhere,x\n")
    (root / "b.csv").write_whole(b"id,date,country,text\n3,2001,USA,Peace.\n1,1999,FRA,Peace.\n")
    rejects: list[Reject] = []
    found = [s.speech_id for s in read([SpeechesSection(f"{root}/*.csv")], rejects.append)]
    assert found == ["1", "3"]
    assert [r.file.rsplit("/", 1)[-1] for r in rejects] == ["a.csv", "b.csv"]
    assert all(r.file.startswith(str(root).split("://")[0]) for r in rejects)
    assert [s.speech_id for s in read([SpeechesSection(f"{root}/b.csv")], rejects.append)] == ["3", "1"]
    with pytest.raises(InputError, match="no such file"):
        list(read([SpeechesSection(f"{root}/c.csv")], rejects.append))


def test_a_bad_file_among_good_ones_is_left_out(root: RemotePath) -> None:
    root.mkdir(parents=True)
    (root / "a.csv").write_whole(b"x,y\n1,2\n")
    (root / "b.csv").write_whole(b"id,date,country,text\n3,2001,USA,Peace.\n")
    rejects: list[Reject] = []
    assert [s.speech_id for s in read([SpeechesSection(str(root))], rejects.append)] == ["3"]
    assert "file left out" in rejects[0].reason
    with pytest.raises(InputError, match=r"a\.csv"):
        list(read([SpeechesSection(f"{root}/a.csv")], rejects.append))


def test_one_writer_at_a_time(root: RemotePath, monkeypatch: pytest.MonkeyPatch) -> None:
    root.mkdir(parents=True)
    lease = Lease(root / ".lock")
    with pytest.raises(ScaError, match="another process is writing"):
        Lease(root / ".lock")
    lease.close()
    Lease(root / ".lock").close()
    (root / ".lock").write_whole(f'{{"token": "x", "seen": {time.time() - 4 * places.BEAT_SECONDS}}}'.encode())
    Lease(root / ".lock").close()  # its holder was killed


def test_a_copy_is_gone_afterwards(root: RemotePath) -> None:
    root.mkdir(parents=True)
    (root / "a.txt").write_whole(b"Peace.")
    with fetched(root / "a.txt") as local:
        assert local.read_text() == "Peace."
    assert not local.exists()


def test_what_a_text_stands_for(tmp_path: Path) -> None:
    assert place("runs/mine") == Path("runs/mine")
    assert place(f"file://{tmp_path}") == tmp_path
    assert place("s3://b/run/") == RemotePath("s3://b/run")
    assert str(RemotePath("s3://b/run") / "x") == "s3://b/run/x"
    assert RemotePath("s3://b/run").with_name("other").url == "s3://b/other"
    assert place("C:/runs") == Path("C:/runs")
    with pytest.raises((InputError, MissingExtraError)):
        RemotePath("nosuch://b/run").exists()
