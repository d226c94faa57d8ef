"""A hook of MkDocs: writes the pages of the reference from the code, each time the site is built."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made: the reference, the default model's card, the sheet of the coded sentences."""
    files.append(File.generated(config, "reference/cli.md", content=commands()))
    files.append(File.generated(config, "reference/python.md", content=python()))
    files.append(
        File.generated(config, "reference/model-card.md", content=copied("models/minilm/card.md", "Model card"))
    )
    sheet = copied("corpus/annotations/README.md", "Coded sentences")
    files.append(File.generated(config, "reference/annotations.md", content=sheet))
    return files


def copied(path: str, title: str) -> str:
    """Return a page of the repository that stands outside `docs/`, under a title for the menu."""
    text = (Path(__file__).parents[2] / path).read_text("utf-8")
    return f"---\ntitle: {title}\n---\n\n{text}\n\n*This page is `{path}` of the repository.*\n"


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
            parts.append("| argument | meaning |\n| --- | --- |")
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
    shown = ""
    if name:
        signature = inspect.signature(thing)
        plain = [p.replace(annotation=_plain(p.annotation)) for k, p in signature.parameters.items() if k != "self"]
        parts = [str(p).replace(f"'{p.annotation}'", str(p.annotation)) for p in plain]
        kinds = [p.kind for p in plain]
        if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
            parts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
        back = _plain(signature.return_annotation)
        whole = ", ".join(parts)
        body = whole if len(whole) < 70 else "\n    " + ",\n    ".join(parts) + ",\n"
        arrow = "" if inspect.isclass(thing) or back is inspect.Signature.empty else f" -> {back}"
        shown = f"```python\n{name}({body}){arrow}\n```\n\n"
    return f"{heading}\n\n{shown}{markdown(inspect.cleandoc(thing.__doc__ or ''))}\n"


class _Bare(str):
    """An annotation that prints without quotes."""

    __repr__ = str.__str__


def _plain(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def markdown(docstring: str) -> str:
    """Return a docstring in Google's form as Markdown: sections as lists, examples as code."""
    out: list[str] = []
    section, code = False, False
    for line in docstring.splitlines():
        if line.startswith(">>>") and not code:
            out += ["", "```pycon"]
            code = True
        if code and not line:
            out.append("```")
            code = False
        if code:
            out.append(line)
        elif re.fullmatch(r"(Args|Returns|Raises|Attributes|Yields):", line):
            out += ["", f"**{line[:-1]}**", ""]
            section = True
        elif section and (item := re.match(r"    (\*{0,2}[\w, ]+): (.*)", line)):
            out.append(f"- `{item.group(1)}`: {item.group(2)}")
        elif section and line.startswith("    "):
            out.append(("  " if out[-1].startswith(("- ", "  ")) else "") + line.strip())
        else:
            section = section and not line
            out.append(line)
    return "\n".join([*out, "```"] if code else out)
