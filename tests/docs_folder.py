"""A newcomer's folder, invented: the files that the documentation's commands name as the reader's own."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
YEARS = range(1985, 2009)
PAIRS = (("RUS", "the United States"), ("USA", "Russia"), ("GBR", "Russia"), ("FRA", "Russia"))
#: What a state says of another, warmer or colder; `{}` is the other.
WARM = "We trust {} as a partner. With {} we share a common future. {} has kept every promise that it made to us."
COLD = "{} is a threat to our security. {} has broken the treaty again. We do not rule out force against {}."
_DEEDS = "date,source,target,manifestation,sign,magnitude,verbal,description,reference\n"


def said(other: str, year: int) -> str:
    """Return a speech of six sentences: cold in the first ten years, warm in the next ten, then cold."""
    return (
        f"{(WARM if 1995 <= year < 2005 else COLD).replace('{}', other)} We met on Monday. Trade grew. Peace is dear."
    )


def speeches() -> Iterator[dict[str, str]]:
    for year in YEARS:
        for source, other in PAIRS:
            name = f"Speaker of {source}"
            text = said(other, year)
            yield {
                "speech_id": f"{source}-{year}",
                "date": f"{year}-05-09",
                "speaker": name,
                "country": source,
                "text": text,
            }


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")


def sample_gold() -> list[dict[str, object]]:
    """Return the sample's hand codes with their sentences, as an annotation tool would export them."""
    lines = (ROOT / "corpus/sample/speeches.jsonl").read_text("utf-8").splitlines()
    known = {s["speech_id"]: s for s in map(json.loads, lines)}
    rows = []
    for line in (ROOT / "corpus/sample/gold.jsonl").read_text("utf-8").splitlines():
        g = json.loads(line)
        speech = known[g["speech_id"]]
        told = {"text": speech["text"][g["start"] : g["end"]], "date": speech["date"], "source": speech["country"]}
        rows.append({"id": f"{g['speech_id']}/{g['start']}", **g, **told})
    return rows


def write_own_files(folder: Path) -> None:
    """Write what a reader would bring: speeches in many forms, deeds, codes, actors; anew before each page."""
    rows = list(speeches())
    write_csv(folder / "speeches.csv", rows)
    pq.write_table(pa.Table.from_pylist(rows), folder / "speeches.parquet")
    letters = [{"body": r["text"], "day": r["date"], "date": r["date"], "land": r["country"]} for r in rows[:9]]
    write_csv(folder / "letters.csv", letters)
    write_jsonl(folder / "letters/a.jsonl", letters[:5])  # type: ignore[arg-type]
    write_jsonl(folder / "letters/b.jsonl", letters[5:])  # type: ignore[arg-type]
    (folder / "paris").mkdir(exist_ok=True)
    for year in (1990, 1991):
        (folder / f"paris/{year}-01-03_A Speaker.txt").write_text(said("Germany", year), encoding="utf-8")
    write_csv(folder / "paris.csv", [{"date": "1990", "text": said("Germany", 1990)}])
    russian = [{"date": "1999", "country": "RUS", "text": "Германия угрожает нашей безопасности. Мы хотим мира."}]
    write_csv(folder / "speeches-ru.csv", russian)
    write_jsonl(folder / "sentences.jsonl", [{"id": "1", "text": "Russia is a threat to Europe.", "country": "FRA"}])
    pairs = (("RUS", "USA"), ("USA", "RUS"), ("GBR", "RUS"))
    deeds = [
        f"{year}-03-0{n + 1},{s},{t},verification,{1 if 1996 <= year < 2006 else -1},2,false,A deed,invented\n"
        for year in YEARS
        for n, (s, t) in enumerate(pairs)
    ]
    (folder / "deeds.csv").write_text(_DEEDS + "".join(deeds), encoding="utf-8")
    (folder / "my-actors.toml").write_text(
        '[[actor]]\ncode = "AVA"\nname = "Avaria"\nnames = ["Avaria"]\n', encoding="utf-8"
    )
    coded: list[dict[str, object]] = []
    for n, r in enumerate(rows):
        text = r["text"].partition(". ")[0] + "."
        code = "SS+" if text.startswith("We trust") else "TP+"
        at = {"id": str(n), "speech_id": r["speech_id"], "start": 0, "end": len(text), "text": text}
        coded += [{**at, "codes": [code], "coder": "ann"}, {**at, "codes": [code] if n % 7 else [], "coder": "ben"}]
    write_jsonl(folder / "coded.jsonl", coded)
    gold = sample_gold()
    ids = sorted({str(g["speech_id"]) for g in gold})
    write_jsonl(folder / "annotations.jsonl", [g for g in gold if ids.index(str(g["speech_id"])) % 3])
    write_jsonl(folder / "test.jsonl", [g for g in gold if ids.index(str(g["speech_id"])) % 3 == 0])


def write_checkout(folder: Path) -> None:
    """Lay out what the commands expect of a checkout; its configs ask for fewer pairs and shuffles."""
    (folder / "corpus").symlink_to(ROOT / "corpus")
    shutil.copytree(ROOT / "configs", folder / "configs")
    for name in ("sample", "france_germany"):
        path = folder / f"configs/{name}.toml"
        text = path.read_text("utf-8").replace("[compare]", "[compare]\npermutations = 19\ndraws = 19\nworkers = 1", 1)
        path.write_text(re.sub(r"^dyads = .*$", DYADS[name], text, count=1, flags=re.M), encoding="utf-8")
    shutil.copytree(ROOT / "models/lexicon", folder / "models/mine-multilingual")


DYADS = {"sample": 'dyads = [["NVL", "EMK"]]', "france_germany": 'dyads = [["FRA", "DEU"]]'}


def write_data(folder: Path) -> None:
    """Write a data folder as `SCA_DATA` names it: a few rows in each file that a command of the documentation reads."""
    from tests.validity.world import make_world

    make_world(folder / "world", told=2.0)
    (folder / "data").mkdir()
    (folder / "world/data/deeds").rename(folder / "data/deeds")
    (folder / "runs").mkdir()
    (folder / "world/run").rename(folder / "runs/ungdc")
    shutil.copytree(folder / "runs/ungdc", folder / "runs/ungdc_linear")
    table: dict[str, dict[str, list[object]]] = {
        "speeches/ungdc": {
            "doc_id": [f"{s}_{y}" for y in YEARS for s in ("FRA", "DEU")],
            "date": [f"{y}-09-25" for y in YEARS for _ in "ab"],
            "country_iso3": [s for _ in YEARS for s in ("FRA", "DEU")],
            "text": [said(o, y) for y in YEARS for o in ("Germany", "France")],
        },
        "deeds/igo_shared_dyadyear": {
            "ccode1": [220 for _ in YEARS],
            "ccode2": [255 for _ in YEARS],
            "year": list(YEARS),
            "dyadigos": [40 + y % 7 for y in YEARS],
        },
        "deeds/mme7_exercises": {
            "MMEID": ["m1", "m2"],
            "name": ["Invented Shield", "Invented Relief"],
            "year": [1990, 1999],
            "month": [5, 6],
            "Warfighting": [1, 1],
            "Peacekeeping": [0, 0],
            "Humanitarian": [0, 0],
            "n_participants": [2, 2],
            "participants": ["FRA;DEU", "FRA;DEU"],
        },
        "deeds/unga_agreement_dyadyear": {
            "year": list(YEARS),
            "iso3_a": ["DEU" for _ in YEARS],
            "iso3_b": ["FRA" for _ in YEARS],
            "n_joint": [60 for _ in YEARS],
            "n_opposed": [y % 9 for y in YEARS],
            "agree": [0.8 + y % 5 / 50 for y in YEARS],
        },
        "deeds/sipri_milex_stateyear": {
            "iso3": [s for _ in YEARS for s in ("FRA", "DEU")],
            "country": [s for _ in YEARS for s in ("France", "Germany")],
            "year": [y for y in YEARS for _ in "ab"],
            "const2021_musd": [100.0 + y % 7 for y in YEARS for _ in "ab"],
            "share_gdp": [0.02 + y % 7 / 1000 for y in YEARS for _ in "ab"],
        },
    }
    for name, columns in table.items():
        path = folder / f"data/{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), path)
    lexica = {
        "threat_dictionary_choi2022": "word\ndanger\n",
        "grievance_dictionary_5plus": "word,category,mean_rating\ndanger,threat,8\n",
        "mfd2": "word,category\nfriends,loyalty.virtue\n",
        "lexicoder_lsd2015": "lexEntry,isPrefix,polarity\ndanger,0,negative\nfriend,1,positive\n",
        "cameo_verb_patterns": "verb,cameo,kind\nthreaten,130,verb\n",
    }
    (folder / "data/bench/lexica").mkdir(parents=True)
    for name, text in lexica.items():
        (folder / f"data/bench/lexica/{name}.csv").write_text(text, encoding="utf-8")
