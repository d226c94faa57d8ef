"""Say whether a tag can be released: it, the package, CITATION.cff and CHANGELOG.md must name one version."""

import re
import sys
from pathlib import Path


def problems(tag: str, root: Path = Path()) -> list[str]:
    """Return what does not fit the tag, such as `v1.2.3`; nothing if all does."""
    version = tag.removeprefix("v")
    wanted = {
        "sca_nlp/__init__.py": rf'^__version__ = "{re.escape(version)}"$',
        "CITATION.cff": rf"^version: {re.escape(version)}$",
        "CHANGELOG.md": rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$",
    }
    found = [
        f"{name} does not name {version}"
        for name, pattern in wanted.items()
        if not re.search(pattern, (root / name).read_text("utf-8"), re.M)
    ]
    return found if re.fullmatch(r"v\d+\.\d+\.\d+((a|b|rc)\d+)?", tag) else [f"{tag} is no tag such as v1.2.3", *found]


if __name__ == "__main__":
    bad = problems(sys.argv[1])
    print("\n".join(bad) or f"{sys.argv[1]} can be released")
    sys.exit(bool(bad))
