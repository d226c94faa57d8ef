"""Install a CPU build of torch: from pip's own sources where they have one, else from the index given."""

import json
import subprocess
import sys

requirement, index, cuda = sys.argv[1:4]
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]

have = subprocess.run(
    [sys.executable, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True, check=False
)
if have.returncode == 0 and have.stdout.split("+")[0].strip() == requirement.split("==")[1]:
    sys.exit(0)
extra: list[str] = []
if sys.platform == "linux" and not cuda:
    # On Linux the ordinary build pulls gigabytes of CUDA; only a version that ends in +cpu does not.
    plan = subprocess.run(
        [*pip, "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-", requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        version = json.loads(plan.stdout)["install"][0]["metadata"]["version"]
    except (ValueError, LookupError):
        version = ""
    if not version.endswith("+cpu"):
        extra = ["--index-url", index]
sys.exit(subprocess.call([*pip, "install", "--quiet", *([] if cuda else ["--no-deps"]), *extra, requirement]))
