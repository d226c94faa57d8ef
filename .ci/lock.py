"""Write requirements.lock: every dependency but torch, pinned with hashes, from the open ranges in pyproject.toml."""

import re
import subprocess
import sys
from pathlib import Path

out = Path("requirements.lock")
OPTIONS = """
    pyproject.toml --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-annotate --no-header
    --no-emit-package torch --constraint .ci/torch.txt --output-file requirements.lock
"""
subprocess.run([sys.executable, "-m", "uv", "pip", "compile", *OPTIONS.split()], check=True)
lines = out.read_text().splitlines()
blocks: list[list[str]] = []
for line in lines:
    if line and not line.startswith((" ", "#")):
        blocks.append([line])
    elif blocks and line.startswith(" "):
        blocks[-1].append(line)
# What only the CUDA build of torch needs, and the package itself, stay out.
cuda = re.compile(r"(nvidia-|cuda-|triton|torch==|sca-nlp)")
out.write_text(
    "# Made by `make lock`. torch is installed apart (.ci/torch_cpu.py), as a CPU build.\n"
    + "".join("\n".join(b) + "\n" for b in blocks if not cuda.match(b[0]))
)
