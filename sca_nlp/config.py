"""Every knob on one page: a run is one TOML file, a section one dataclass; unknown keys name the nearest right one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sca_nlp.errors import InputError, ScaError, UnknownNameError

T = TypeVar("T")


@dataclass(frozen=True)
class SpeechesSection:
    """Where speeches come from; one `[[speeches]]` for each file, folder or data set."""

    path: str
    format: str = ""  # a speech reader's name; empty: told by the file's name and layout
    columns: dict[str, str] = field(default_factory=dict)  # our name -> the file's, such as {text = "body"}
    defaults: dict[str, str] = field(default_factory=dict)  # values for what the file lacks, such as {source = "FRA"}
    sources: tuple[str, ...] = ()  # keep only these actors; empty: all
    first: str = ""  # keep speeches from this date on, and
    last: str = ""  # up to this date
    options: dict[str, Any] = field(default_factory=dict)  # the reader's own


@dataclass(frozen=True)
class ActorsSection:
    """Actors beyond the shipped gazetteer."""

    files: tuple[str, ...] = ()  # TOML files of the form of corpus/sample/actors.toml


@dataclass(frozen=True)
class SegmentSection:
    """How speeches are cut."""

    language: str = "en"


@dataclass(frozen=True)
class ClassifySection:
    """Which model scores, and how fast."""

    model: str = ""  # a shipped model's name or a model folder; empty: the default
    profile: str = "balanced"  # exact, balanced or fast
    threads: int = 0  # 0: the cores that this process may use


@dataclass(frozen=True)
class WordsSection:
    """How coded passages become series."""

    dyads: tuple[
        tuple[str, str], ...
    ] = ()  # directed: [["RUS", "WEST"], ["WEST", "RUS"]]; both ways unless `both` is false
    both: bool = True
    period: str = "year"  # year, quarter, month
    first: str = ""
    last: str = ""
    min_passages: int = 20  # smaller cells are hidden, never imputed
    weights: dict[str, float] = field(default_factory=dict)  # indicator id -> weight in the trust balance; 1 each
    other_languages: bool = False  # also passages not in the model's language
    audit: str = ""  # annotations drawn at random, with inclusion probabilities, for the design-based estimate


@dataclass(frozen=True)
class DeedsSection:
    """A deed data set; one `[[deeds]]` each."""

    name: str  # a deed reader's name
    path: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CrisisSection:
    """A crisis window, fixed before looking."""

    name: str
    first: str
    last: str
    actors: tuple[str, ...] = ()  # the two between whom it is; empty: every pair of the run


@dataclass(frozen=True)
class CompareSection:
    """How words are set against deeds."""

    verbal: bool = False  # count verbal deeds too
    window: tuple[str, ...] = ()  # first and last period of the reference window; empty: all periods with both
    draws: int = 200
    permutations: int = 1000
    max_lag: int = 5
    crises: tuple[CrisisSection, ...] = ()
    leaders: str = ""  # CSV: code, speaker, office, from, to
    workers: int = 0  # processes; 0: as cores and dyads allow. The numbers do not depend on it


@dataclass(frozen=True)
class Config:
    """A run."""

    name: str
    title: str = ""
    out: str = ""  # the run folder; empty: runs/<name>
    seed: int = 1957
    speeches: tuple[SpeechesSection, ...] = ()
    actors: ActorsSection = field(default_factory=ActorsSection)
    segment: SegmentSection = field(default_factory=SegmentSection)
    classify: ClassifySection = field(default_factory=ClassifySection)
    words: WordsSection = field(default_factory=WordsSection)
    deeds: tuple[DeedsSection, ...] = ()
    compare: CompareSection = field(default_factory=CompareSection)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.out or f"runs/{self.name}")

    def digest(self, *sections: str) -> str:
        """Return a digest of the named sections (all where none is named), 16 hex digits."""
        data = asdict(self)
        part = {k: data[k] for k in sections} if sections else data
        return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]


def read_config(path: Path | str) -> Config:
    """Read a run's TOML. `${NAME}` stands for an environment variable; relative paths start at the file's own folder.

    Raises:
        InputError: no such file, no TOML, a value of the wrong type.
        UnknownNameError: a key that is none; names the nearest.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise InputError(path, "no such file", "a run's config in TOML (see configs/)") from None
    except IsADirectoryError:
        raise InputError(path, "a folder", "a run's config in TOML") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise InputError(path, f"not readable as TOML ({e})", "a run's config") from None
    data.setdefault("name", path.stem)
    config = build(Config, data, str(path))
    if not re.fullmatch(r"[A-Za-z0-9._-]+", config.name):
        raise InputError(f"{path}: name", repr(config.name), "letters, digits, '.', '_' and '-'")
    return _resolve(config, path)


def _with_paths(config: Config, move: Callable[[str, str], str]) -> Config:
    """Return the config with `move(path, where)` in place of each path of an input; hub names stay."""
    return replace(
        config,
        speeches=tuple(
            s if _on_hub(s) else replace(s, path=move(s.path, "speeches"), options=_side(s.options, move))
            for s in config.speeches
        ),
        actors=replace(config.actors, files=tuple(move(f, "actors") for f in config.actors.files)),
        deeds=tuple(replace(d, path=move(d.path, "deeds")) for d in config.deeds),
        compare=replace(config.compare, leaders=move(config.compare.leaders, "compare.leaders")),
        words=replace(config.words, audit=move(config.words.audit, "words.audit")),
    )


def _side(options: dict[str, Any], move: Callable[[str, str], str]) -> dict[str, Any]:
    """Return a reader's options with the paths of tables beside the speeches moved, unless they lie in their folder."""
    found = {k: move(v, f"speeches.options.{k}") for k, v in options.items() if k in ("sidecar", "speakers")}
    return options | {k: v for k, v in found.items() if Path(v).exists() or Path(options[k]).exists()}


def _on_hub(section: SpeechesSection) -> bool:
    return section.format == "huggingface" and "/" in section.path and not section.path.startswith((".", "/", "$"))


def _resolve(config: Config, path: Path) -> Config:
    def at(value: str, where: str) -> str:
        return str(_locate(value, path, f"{path}: {where}")) if value else value

    return replace(_with_paths(config, at), out=_expand(config.out, f"{path}: out"))


def moved(config: Config, folder: Path) -> Config:
    """Return a config read elsewhere with its relative paths as they are from `folder`, to be kept there."""

    def at(value: str, where: str) -> str:
        return value if not value or Path(value).is_absolute() else os.path.relpath(value, folder)

    return _with_paths(config, at)


def _expand(value: str, where: str) -> str:
    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ScaError(f"{where}: ${{{name}}} is not set; set it, as in {name}=/path/to/data sca run ...")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", variable, value)


def _locate(value: str, path: Path, where: str) -> Path:
    expanded = Path(_expand(value, where))
    # A variable's relative path starts where the user stands; the file's own start at the file.
    return expanded if expanded.is_absolute() or value.startswith("${") else (path.parent / expanded)


def build(cls: type[T], data: Any, where: str) -> T:
    """Build a config dataclass from parsed TOML, checking names and types.

    Raises:
        InputError: a value of the wrong type, or a required key missing.
        UnknownNameError: an unknown key.
    """
    if not isinstance(data, dict):
        raise InputError(where, f"{data!r}", "a table")
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            raise UnknownNameError(f"key in {where}", key, known)
    values = {}
    for name, f in known.items():
        if name in data:
            values[name] = _value(hints[name], data[name], f"{where}: {name}")
        elif f.default is MISSING and f.default_factory is MISSING:
            raise InputError(where, f"no {name}", f"{name} = ...")
    return cls(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    if origin is tuple:
        if not isinstance(value, list):
            raise InputError(where, f"{value!r}", "a list")
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_value(args[0], v, f"{where}[{n}]") for n, v in enumerate(value))
        if len(value) != len(args):
            raise InputError(where, f"{value!r}", f"a list of {len(args)}")
        return tuple(_value(a, v, where) for a, v in zip(args, value, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            raise InputError(where, f"{value!r}", "a table")
        return {k: v if args[1] is Any else _value(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin in (typing.Union, types.UnionType):
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # dates such as 1985 are years
    if hint is Any or (isinstance(value, hint) and not (hint is int and isinstance(value, bool))):
        return value
    if hint is str and hasattr(value, "isoformat"):
        return value.isoformat()
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    raise InputError(where, f"{value!r}", names.get(hint, str(hint)))


def to_toml(config: Config) -> str:
    """Return the resolved config as TOML, so that it can be kept beside the results and run again."""
    data = asdict(config)
    simple = {k: v for k, v in data.items() if not isinstance(v, (dict, tuple))}
    lines = [f"{k} = {_toml(v)}" for k, v in simple.items()]
    for name, section in data.items():
        if isinstance(section, dict):
            lines += ["", f"[{name}]", *(f"{k} = {_toml(v)}" for k, v in section.items())]
        elif isinstance(section, tuple):
            for entry in section:
                lines += ["", f"[[{name}]]", *(f"{k} = {_toml(v)}" for k, v in entry.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
