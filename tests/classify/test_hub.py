"""Export to the transformers form, and the push of it to a stand-in of a hub on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.classify.folder import load_model, read_folder
from sca_nlp.classify.hub_export import FILES, export_model, push_model
from sca_nlp.errors import InputError
from tests.classify.tiny import sentences

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from sca_nlp.classify.hub_model import SecurityIndicatorsNetwork  # noqa: E402
from tests.classify.test_transformer import SECTION, build, in_a_row  # noqa: E402
from training.network import predict  # noqa: E402


@pytest.fixture(scope="module", params=["bert", "xlm-roberta", "bert with n-grams"])
def made(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, object, object]:
    path = tmp_path_factory.mktemp("hub")
    folder, model, base = build(path, request.param.split()[0], lexical="n-grams" in request.param)
    return folder, export_model(str(folder), path / "out"), model, base


def test_transformers_loads_it_without_remote_code(made) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder, out, _, _ = made
    encoder = AutoModel.from_pretrained(out, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(out, trust_remote_code=False)
    assert encoder.config.problem_type == "multi_label_classification"
    assert list(encoder.config.id2label.values()) == list(read_folder(folder).codebook.classes)
    ids = tokenizer(["we want peace .", "war"], padding=True, return_tensors="pt")
    assert encoder(**ids).last_hidden_state.shape[:2] == ids["input_ids"].shape
    assert not list(out.glob("*.py"))
    assert {p.name for p in out.iterdir()} <= set(FILES)


def test_logits_are_those_of_the_trained_network(made) -> None:
    from transformers import AutoTokenizer

    _, out, model, base = made
    texts = sentences(20, 4, 12)
    tokenizer = AutoTokenizer.from_pretrained(out)
    loaded = SecurityIndicatorsNetwork.from_pretrained(out)
    got = loaded(**tokenizer(texts, padding=True, return_tensors="pt")).logits.detach().numpy()
    # fp16 of the stored weights is what separates the two
    np.testing.assert_allclose(got, predict(model, base.windows(SECTION, texts)), atol=2e-2)


def test_scores_are_those_of_the_package(made) -> None:
    folder, out, _, _ = made
    texts = [*sentences(20, 5, 12), "we never use force " * 20, ""]
    loaded = SecurityIndicatorsNetwork.from_pretrained(out)
    shipped = load_model(str(folder), profile="exact")
    np.testing.assert_allclose(loaded.score(texts), shipped.predict(texts).probabilities, atol=1e-3)
    said = in_a_row(texts)
    np.testing.assert_allclose(loaded.score(*said), shipped.predict(*said).probabilities, atol=1e-3)
    assert loaded.codes(texts) == shipped.decide(shipped.predict(texts).probabilities)
    assert loaded.score([]).shape == (0, 10)


def test_the_shipped_models_logits_come_back(tmp_path: Path) -> None:
    """Logits as the ONNX graph has them: log odds of each value against 'absent'."""
    texts = ["Russia is a threat to Europe.", "We shall never use force.", "The treaty was broken by both sides."]
    shipped = load_model("minilm", profile="exact")
    loaded = SecurityIndicatorsNetwork.from_pretrained(export_model("minilm", tmp_path / "out"))
    rows = [w[0].ids for w in shipped._tokens(texts)]  # type: ignore[attr-defined]
    nobody = np.zeros(len(texts), bool)
    p, _ = shipped._run([w[0] for w in shipped._tokens(texts)], nobody, None)  # type: ignore[attr-defined]
    p = p.astype(np.float64)
    absent = np.zeros_like(p)
    for group in shipped.codebook.groups():
        absent[:, group] = 1 - p[:, group].sum(1, keepdims=True)
    for n, row in enumerate(rows):
        logits = loaded(torch.tensor([row])).logits.detach().numpy()[0]
        np.testing.assert_allclose(logits, np.log(p[n] / absent[n]), atol=1e-3)
    np.testing.assert_allclose(loaded.score(texts), shipped.predict(texts).probabilities, atol=1e-3)


def test_the_cards_header_is_what_the_hub_reads(tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard.load(export_model("minilm", tmp_path / "out") / "README.md")
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "transformers")
    assert card.data.pipeline_tag == "text-classification"
    assert 0 < card.data.eval_results[0].metric_value < 1
    assert "ranges of the 8-bit runtime" in card.text
    assert card.text.lstrip().startswith("# sca-minilm")


def test_only_encoders_can_be_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kind 'linear'"):
        export_model("linear", tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a folder to write to"):
        export_model("minilm", tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "content"), [("config.json", "{}"), ("config.json", "no"), ("sca_head.safetensors", "no")]
)
def test_a_damaged_export_is_an_input_error(made, tmp_path: Path, name: str, content: str) -> None:
    for path in made[1].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError):
        SecurityIndicatorsNetwork.from_pretrained(tmp_path)


class Hub(BaseHTTPRequestHandler):
    """The few answers of a hub that a push needs: repository, upload modes, large files, commit."""

    def _answer(self, data: object, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_POST(self) -> None:
        server, body = self.server, self._body()
        server.calls.append(self.path)  # type: ignore[attr-defined]
        here = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        if self.headers.get("Authorization") != "Bearer hf_stand_in":
            self._answer({"error": "Invalid token"}, 401)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            server.repo = asked  # type: ignore[attr-defined]
            self._answer({"url": f"{here}/{asked.get('organization')}/{asked['name']}"})
        elif self.path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            modes = {f["path"]: "lfs" if f["path"].endswith(".safetensors") else "regular" for f in files}
            self._answer({"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes.items()]})
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            links = [{**o, "actions": {"upload": {"href": f"{here}/large/{o['oid']}"}}} for o in objects]
            self._answer({"transfer": "basic", "objects": links})
        elif self.path.endswith("/commit/main"):
            for line in body.splitlines():
                row = json.loads(line)
                server.commit.append(row)  # type: ignore[attr-defined]
            self._answer({"commitUrl": f"{here}/our-group/m/commit/{'a' * 40}", "commitOid": "a" * 40})
        else:
            self._answer({}, 200 if "validate-yaml" in self.path else 404)

    def do_PUT(self) -> None:
        self.server.large[self.path.rpartition("/")[2]] = hashlib.sha256(self._body()).hexdigest()  # type: ignore[attr-defined]
        self._answer({})

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.calls, server.commit, server.large, server.repo = [], [], {}, {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def push(folder: Path, hub: ThreadingHTTPServer, token: str) -> subprocess.CompletedProcess[str]:
    address = f"http://127.0.0.1:{hub.server_port}"
    command = ["models", "push", str(folder), "our-group/m", "--endpoint", address, "--private", "--json"]
    # HF_HUB_DISABLE_XET: the stand-in speaks the older protocol for large files
    env = {**os.environ, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    code = f"import sys; sys.argv = ['sca', *{command!r}]; from sca_nlp import cli; cli.main()"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60, check=False
    )


@pytest.mark.parametrize("made", ["bert with n-grams"], indirect=True)
def test_push_sends_the_folder(made, hub: ThreadingHTTPServer) -> None:
    _, out, _, _ = made
    done = push(out, hub, "hf_stand_in")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["commit"].endswith("a" * 40)
    assert (hub.repo["name"], hub.repo["organization"]) == ("m", "our-group")
    assert "private" in json.dumps(hub.repo)
    plain = {r["value"]["path"]: base64.b64decode(r["value"]["content"]) for r in hub.commit if r["key"] == "file"}
    large = {r["value"]["path"]: r["value"]["oid"] for r in hub.commit if r["key"] == "lfsFile"}
    assert set(plain) | set(large) == {p.name for p in out.iterdir()}
    assert all((out / name).read_bytes() == content for name, content in plain.items())
    assert hub.large == {oid: oid for oid in large.values()}
    assert all(hashlib.sha256((out / name).read_bytes()).hexdigest() == oid for name, oid in large.items())


@pytest.mark.parametrize("made", ["bert with n-grams"], indirect=True)
def test_a_model_is_exported_on_the_way(made, hub: ThreadingHTTPServer) -> None:
    assert push(made[0], hub, "hf_stand_in").returncode == 0
    assert "config.json" in {r["value"].get("path") for r in hub.commit}


@pytest.mark.parametrize("made", ["bert with n-grams"], indirect=True)
def test_a_refusal_is_one_line(made, hub: ThreadingHTTPServer) -> None:
    done = push(made[1], hub, "hf_wrong")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "token" in done.stderr
    assert not hub.commit


@pytest.mark.parametrize("made", ["bert with n-grams"], indirect=True)
def test_a_wrong_name_and_a_folder_that_was_not_exported(made, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sca models export"):
        push_model(tmp_path, "a/b")
    with pytest.raises(InputError, match="REPO"):
        push_model(made[1], "a/b/c/d", "http://127.0.0.1:9")
