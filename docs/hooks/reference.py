"""A hook of MkDocs: writes the pages of the reference from the code, each time the site is built."""

from __future__ import annotations

import inspect
import re
from typing import Any

from mkdocs.structure.files import File


def on_files(files: Any, config: Any) -> Any:
    """Add the two pages to the site's files."""
    files.append(File.generated(config, "reference/cli.md", content=commands()))
    files.append(File.generated(config, "reference/python.md", content=python()))
    return files


def commands() -> str:
    """Return the page of the command line: each command with its arguments and options."""
    import typer

    from sca_nlp import cli

    cli.add_commands()
    parts = ["# Command line\n"]

    def walk(command: Any, path: str) -> None:
        for name, sub in sorted(getattr(command, "commands", {}).items()):
            walk(sub, f"{path} {name}")
        if hasattr(command, "commands"):
            return
        text = re.sub(r"\[/?dim\]", "", inspect.cleandoc(command.help or ""))
        text = re.sub(r"Example:\s+(sca .*)", r"\n    \1\n", text, flags=re.S)
        parts.append(f"## {path}\n\n{text}\n")
        rows = [p for p in command.params if p.name != "help"]
        if rows:
            parts.append("| | |\n| --- | --- |")
            for p in rows:
                name = ", ".join(p.opts) if p.param_type_name == "option" else (p.metavar or p.name.upper())
                default = f" Default: {p.default}." if isinstance(p.default, (str, int)) and p.default else ""
                parts.append(f"| `{name}` | {(getattr(p, 'help', '') or '').replace('|', ' ')}{default} |")
            parts.append("")

    walk(typer.main.get_command(cli.app), "sca")
    return "\n".join(parts)


def python() -> str:
    """Return the page of the Python interface: signatures and docstrings."""
    import sca_nlp
    from sca_nlp import api
    from sca_nlp.spacy_component import Indicators

    parts = ["# Python\n\nNames of `import sca_nlp as sca`, and the spaCy component.\n"]
    things = [("sca.load", api.load), ("sca.Model", api.Model), ("sca.aggregate", api.aggregate)]
    things += [("sca.Series", api.Series), ("sca.deeds", api.deeds), ("sca.compare", api.compare)]
    things += [("sca.SecurityIndicators", sca_nlp.SecurityIndicators), ("sca.Speech", sca_nlp.Speech)]
    things += [('nlp.add_pipe("sca_indicators")', Indicators)]
    for name, thing in things:
        parts.append(_entry(f"## {name}", name.rpartition(".")[2] if "(" not in name else "", thing))
        if inspect.isclass(thing):
            for key, member in vars(thing).items():
                call = member.__func__ if isinstance(member, staticmethod) else member
                if not key.startswith("_") and inspect.isfunction(call) and call.__doc__:
                    parts.append(_entry(f"### {name.rpartition('.')[2]}.{key}", key, call))
    return "\n".join(parts)


def _entry(heading: str, name: str, thing: Any) -> str:
    try:
        signature = f"{name}{inspect.signature(thing)}" if name else ""
    except ValueError:
        signature = ""
    signature = re.sub(r"'([^']*)'", r"\1", signature).replace(", ", ",\n    ") if len(signature) > 90 else signature
    shown = f"```python\n{signature}\n```\n\n" if signature else ""
    return f"{heading}\n\n{shown}```text\n{inspect.cleandoc(thing.__doc__ or '')}\n```\n"
