"""Look the locked dependencies up among known holes with pip-audit; says so where it or its service cannot be had."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TOOL = [sys.executable, "-m", "pip_audit"]


def main() -> int:
    """Return 0 without holes, 1 with some, and 0 with a sentence where nothing could be asked."""
    if subprocess.run([*TOOL, "--version"], capture_output=True).returncode:
        print("audit: not done: pip-audit is not installed (.venv/bin/pip install pip-audit)")
        return 0
    sys.path.insert(0, str(Path(__file__).parent))
    from sbom import locked

    pins = "".join(f"{name}=={version}\n" for name, version in locked().items())
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write(pins)
        f.flush()
        command = [
            *TOOL,
            "--requirement",
            f.name,
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
            "-f",
            "json",
        ]
        try:
            done = subprocess.run([*command, "--timeout", "20"], capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            print("audit: not done: the service with the known holes does not answer")
            return 0
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"audit: not done: {(done.stderr.strip().splitlines() or ['no answer'])[-1][:300]}")
        return 0
    asked = [d for d in found if "skip_reason" not in d]
    holes = [(d["name"], d["version"], v["id"], v.get("fix_versions")) for d in asked for v in d["vulns"]]
    for name, version, hole, mended in holes:
        print(f"{name} {version}: {hole}, mended in {', '.join(mended or ['no version yet'])}")
    if not asked:
        print("audit: not done: the service with the known holes knows none of these packages from here (a mirror?)")
    else:
        print(f"audit: {len(asked)} of {len(found)} packages looked up, {len(holes)} known holes")
    return int(bool(holes))


if __name__ == "__main__":
    sys.exit(main())
