"""Write THIRD_PARTY.md and sbom.cdx.json from requirements.lock and the metadata of what is installed.

    python .ci/sbom.py            after `make lock`
    python .ci/sbom.py --check    ends with 1 where a file is not current, or the base install has a licence not allowed

The same lock and the same packages give the same bytes. A package for another platform keeps the licence noted before.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SBOM, LIST = ROOT / "sbom.cdx.json", ROOT / "THIRD_PARTY.md"
#: Licences of the base install: permissive ones, and MPL-2.0, whose terms end at its own files.
ALLOWED = ("MIT", "BSD", "Apache", "ISC", "PSF", "Python", "Unlicense", "0BSD", "Zlib", "HPND", "MPL-2.0", "CC0")
ELSEWHERE = "not installed on this platform"
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public|EUPL|CDDL|SSPL|CC-BY-(?:SA|NC)", re.IGNORECASE)
_IDS = {
    "Apache 2.0": "Apache-2.0",
    "Apache-2": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache": "Apache-2.0",
    "MIT License": "MIT",
    "The MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD-3": "BSD-3-Clause",
    "BSD 2-Clause": "BSD-2-Clause",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
    "ISC license": "ISC",
    "PSF": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")


def plain(name: str) -> str:
    """Return a package's name in the one spelling that all tools agree on."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    """Return name -> version of the lock."""
    text = (ROOT / "requirements.lock").read_text()
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^ ;\\\n]+)", text, re.MULTILINE):
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            here = ""
        if plain(name) not in found or version == here:  # some are locked twice, for older and newer Pythons
            found[plain(name)] = version
    return found


def licence(name: str, before: dict[str, str]) -> str:
    """Return a package's licence as its metadata say it, in SPDX's words where they are known."""
    try:
        data = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return before.get(name, ELSEWHERE)
    classes = [c.split(" :: ")[-1] for c in data.get_all("Classifier") or [] if c.startswith("License ::")]
    classes = [c for c in classes if c != "OSI Approved"]
    said = (data.get("License-Expression") or "").strip()
    short = (data.get("License") or "").strip().splitlines()[:1]
    if not said and short and short[0] != "BSD" and re.search(r"MIT|BSD|Apache|ISC|PSF|MPL|GPL", short[0][:40]):
        said = short[0][:60].strip().strip('"')
    said = said or " AND ".join(sorted(_IDS.get(c, c) for c in classes))
    return _IDS.get(said, said) or before.get(name, "not stated")


def needs(name: str, extras: tuple[str, ...] = ()) -> set[str]:
    """Return what a package needs, whatever the platform, with some of its extras."""
    try:
        wanted = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    found = set()
    for line in wanted:
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        if not extra or extra.group(1) in extras:
            found.add(plain(re.match(r"[A-Za-z0-9_.-]+", line).group()))  # type: ignore[union-attr]
    return found


def closure(start: list[str], known: set[str]) -> set[str]:
    """Return all packages of the lock that these requirement lines bring in."""
    todo, found = list(start), set()
    while todo:
        line = todo.pop()
        match = re.match(r"([A-Za-z0-9_.-]+)(?:\[([^\]]*)\])?", line)
        assert match
        name, extras = plain(match.group(1)), tuple((match.group(2) or "").replace(" ", "").split(","))
        if name in found or name not in known:
            continue
        found.add(name)
        todo += sorted(needs(name, extras))
    return found


def made() -> tuple[str, str, list[str]]:
    """Return the SBOM, the list, and what the base install must not have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "sca_nlp" / "__init__.py").read_text())
    versions = locked()
    torch = re.search(r"torch==([0-9.]+)", (ROOT / "Makefile").read_text())
    versions["torch"] = torch.group(1) if torch else "0"
    groups = {"base": closure(project["dependencies"], set(versions))}
    groups |= {k: closure(v, set(versions)) for k, v in project["optional-dependencies"].items()}
    before: dict[str, str] = {}
    if SBOM.exists():
        for c in json.loads(SBOM.read_text())["components"]:
            before[c["name"]] = next(p["value"] for p in c["properties"] if p["name"] == "sca:licence")
    components, rows, wrong = [], [], []
    for name in sorted(versions):
        said = licence(name, before)
        where = sorted(g for g, names in groups.items() if name in names) or ["other platforms"]
        purl = f"pkg:pypi/{name}@{versions[name]}"
        fits = _EXPRESSION.fullmatch(said) and " " not in said.replace(" AND ", "").replace(" OR ", "")
        components.append(
            {
                "type": "library",
                "bom-ref": purl,
                "name": name,
                "version": versions[name],
                "scope": "required" if "base" in where else "optional",
                "licenses": [{"expression": said}] if fits else [{"license": {"name": said}}],
                "purl": purl,
                "properties": [
                    {"name": "sca:licence", "value": said},
                    {"name": "sca:install", "value": ", ".join(where)},
                ],
            }
        )
        rows.append(f"| {name} | {versions[name]} | {said} | {', '.join(where)} |")
        if "base" in where and said != ELSEWHERE and (COPYLEFT.search(said) or not any(a in said for a in ALLOWED)):
            wrong.append(f"{name} {versions[name]}: {said}")
    refs = {c["name"]: c["bom-ref"] for c in components}
    own = f"pkg:pypi/sca-nlp@{version.group(1) if version else '0'}"
    graph = [{"ref": own, "dependsOn": sorted(refs[n] for n in closure_first(project["dependencies"]) if n in refs)}]
    graph += [{"ref": refs[n], "dependsOn": sorted(refs[d] for d in needs(n) if d in refs)} for n in sorted(refs)]
    bom: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "sca-nlp",
                "version": own.rpartition("@")[2],
                "licenses": [{"expression": str(project["license"])}],
            }
        },
        "components": components,
        "dependencies": graph,
    }
    return json.dumps(bom, indent=1, ensure_ascii=False) + "\n", _page(rows, groups), wrong


def closure_first(lines: list[str]) -> set[str]:
    """Return the names that requirement lines begin with."""
    return {plain(m.group()) for line in lines if (m := re.match(r"[A-Za-z0-9_.-]+", line))}


def _page(rows: list[str], groups: dict[str, set[str]]) -> str:
    counts = ", ".join(f"{name} {len(names)}" for name, names in groups.items())
    return (
        "# Third parties\n\nMade by `python .ci/sbom.py` from `requirements.lock` and the packages' own metadata; the"
        " same as CycloneDX:\n`sbom.cdx.json`. Packages by install (each with all that it needs): "
        f"{counts}.\nThe base install has permissive licences only, but for two packages under MPL-2.0, whose terms end"
        " at their own files.\nNothing of these packages is copied into this repository; what is, stands below with its"
        " licence.\n\n| part in the repository | from | licence |\n| --- | --- | --- |\n"
        + "".join(f"| {a} | {b} | {c} |\n" for a, b, c in SHIPPED)
        + "\n| package | version | licence | install |\n| --- | --- | --- | --- |\n"
        + "\n".join(rows)
        + "\n"
    )


#: What the repository itself holds of others.
SHIPPED = [
    ("`models/minilm`: weights and tokenizer", "fine-tuned from sentence-transformers/all-MiniLM-L6-v2", "Apache-2.0")
]
if (ROOT / "sca_nlp/review/static/d3.min.js").exists():
    SHIPPED.append(("`sca_nlp/review/static/d3.min.js`", "D3", "ISC"))


def main() -> int:
    """Write both files, or compare them."""
    bom, page, wrong = made()
    for line in wrong:
        print(f"base install: {line}: not among the licences allowed there")
    if "--check" in sys.argv:
        stale = [p.name for p, text in ((SBOM, bom), (LIST, page)) if not p.exists() or p.read_text() != text]
        for name in stale:
            print(f"{name} is not current: run python .ci/sbom.py")
        return int(bool(stale or wrong))
    SBOM.write_text(bom)
    LIST.write_text(page)
    print(f"written: {SBOM.name}, {LIST.name}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
