"""The three plug-in points: name -> "module:attribute", resolved when asked, open to outsiders by entry points.

A new reader or model is one line here (or one entry point in another package, group `sca_nlp.<table>`) and one file;
the contract test of its table covers it from that day.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from sca_nlp.errors import UnknownNameError

#: Speech readers: `reader(path, *, columns, rejects, **options) -> Iterator[Speech]`.
SPEECH_READERS: dict[str, str] = {
    "csv": "sca_nlp.read.speeches.tabular:read_csv",
    "jsonl": "sca_nlp.read.speeches.tabular:read_jsonl",
    "parquet": "sca_nlp.read.speeches.tabular:read_parquet",
    "text": "sca_nlp.read.speeches.folder:read_text_folder",
    "ungdc": "sca_nlp.read.speeches.ungdc:read_ungdc",
    "huggingface": "sca_nlp.read.speeches.huggingface:read_huggingface",
    "documents": "sca_nlp.read.speeches.documents:read_documents",
}

#: Classifiers: `load(folder) -> Classifier`, by the `kind` in the model's `model.json`.
CLASSIFIERS: dict[str, str] = {
    "transformer": "sca_nlp.classify.transformer:load",
    "linear": "sca_nlp.classify.linear:load",
    "lexicon": "sca_nlp.classify.lexicon:load",
}

#: Deed readers: filled by `sca_nlp.read.deeds`, one a source: `reader(path, **options) -> DeedTable`.
DEED_READERS: dict[str, str] = {
    "mid_cow": "sca_nlp.read.deeds.mid:read_mid_cow",
    "mid_gml": "sca_nlp.read.deeds.mid:read_mid_gml",
    "ucdp_acd": "sca_nlp.read.deeds.ucdp_acd:read_ucdp_acd",
    "alliances": "sca_nlp.read.deeds.alliances:read_alliances",
    "unga": "sca_nlp.read.deeds.unga:read_unga",
    "sipri_milex": "sca_nlp.read.deeds.milex:read_sipri_milex",
    "nmc": "sca_nlp.read.deeds.milex:read_nmc",
    "gdelt": "sca_nlp.read.deeds.gdelt:read_gdelt",
    "gdelt_network": "sca_nlp.read.deeds.gdelt_network:read_gdelt_network",
    "icews": "sca_nlp.read.deeds.icews:read_icews",
    "icews_yearly": "sca_nlp.read.deeds.icews:read_icews_yearly",
    "polecat": "sca_nlp.read.deeds.polecat:read_polecat",
    "phoenix": "sca_nlp.read.deeds.phoenix:read_phoenix",
    "ucdp_ged": "sca_nlp.read.deeds.ucdp_ged:read_ucdp_ged",
    "acled": "sca_nlp.read.deeds.acled:read_acled",
    "unga_idealpoints": "sca_nlp.read.deeds.pairs:read_unga_idealpoints",
    "igo": "sca_nlp.read.deeds.pairs:read_igo",
    "dcad": "sca_nlp.read.deeds.pairs:read_dcad",
    "exercises": "sca_nlp.read.deeds.pairs:read_exercises",
    "sipri_arms": "sca_nlp.read.deeds.sipri_arms:read_sipri_arms",
    "chronology": "sca_nlp.read.deeds.chronology:read_chronology",
}

_TABLES = {"speech reader": SPEECH_READERS, "classifier": CLASSIFIERS, "deed reader": DEED_READERS}
_GROUPS = {
    "speech reader": "sca_nlp.speech_readers",
    "classifier": "sca_nlp.classifiers",
    "deed reader": "sca_nlp.deed_readers",
}


def names(table: str) -> list[str]:
    """Return the known names of a table (`speech reader`, `classifier`, `deed reader`), outsiders' included."""
    return sorted(set(_TABLES[table]) | {e.name for e in entry_points(group=_GROUPS[table])})


def resolve(table: str, name: str) -> Any:
    """Return the callable behind a name.

    Raises:
        UnknownNameError: no such name in the table; lists the known ones and the nearest.
    """
    target = _TABLES[table].get(name)
    if target is None:
        for entry in entry_points(group=_GROUPS[table]):
            if entry.name == name:
                return entry.load()
        raise UnknownNameError(table, name, names(table))
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)
