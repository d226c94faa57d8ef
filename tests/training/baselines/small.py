"""A small world for the table: annotations in which one word gives the code away, word lists, and external sets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from training.baselines.externals import EXTERNALS

LEXICA = {
    "threat_dictionary_choi2022": "word\nmenace\nfoe\n",
    "grievance_dictionary_5plus": "word,category,mean_rating\nmenac,threat,7\nweapon,weaponry,8\ngrudge,grievance,6\n",
    "mfd2": "word,category\nloyal,loyalty.virtue\nrogue,loyalty.vice\nlawful,authority.virtue\nunjust,fairness.vice\n",
    "lexicoder_lsd2015": "lexEntry,isPrefix,polarity\npeace,0,positive\nmenac,1,negative\n",
    "cameo_verb_patterns": "verb,cameo,kind\nATTACK,19,main\nCONSULT,04,main\nREJECT,12,main\nASSIST,07,main\n",
}
LABELS = {
    "UNSCon": (1, 0),
    "PLOVER": ("THREATEN", "AGREE"),
    "CAMEO examples": ("19", "04"),
    "Manifesto": ("104", "105"),
    "CAP": (16, 3),
    "DIPROMATS": (["1 appeal to commonality", "3 loaded language"], ["false"]),
    "SemEval": ("Amplifying war-related fears", "Praise of a party"),
}


def write_bench(folder: Path, n: int = 12) -> Path:
    """Write word lists and one small set for each that the table knows."""
    (folder / "lexica").mkdir(parents=True)
    for name, text in LEXICA.items():
        (folder / "lexica" / f"{name}.csv").write_text(text)
    for e in EXTERNALS:
        rows = [{"text": f"we attack {k}" if k % 2 else f"we assist {k}"} for k in range(n)]
        for k, row in enumerate(rows):
            row[e.field] = LABELS[e.name][0 if k % 2 else 1]
        with gzip.open(folder / f"{e.file}.jsonl.gz", "wt") as f:
            f.write("\n".join(json.dumps(r) for r in rows))
    return folder
