"""Actors: states, alliances and groups, by the names that texts and tables use in the years that they use them.

`Gazetteer` finds actors in a text; `country_code` reads a country from a table's cell; `members` expands a group by
year; `name_of` shows a code. The data are `configs/actors/*.toml`.
"""

from __future__ import annotations

from sca_nlp.actors.codes import country_code, name_of
from sca_nlp.actors.data import ActorData, language_file, languages, load_data, members
from sca_nlp.actors.gazetteer import Gazetteer, Mention, named

__all__ = [
    "ActorData",
    "Gazetteer",
    "Mention",
    "country_code",
    "language_file",
    "languages",
    "load_data",
    "members",
    "name_of",
    "named",
]
