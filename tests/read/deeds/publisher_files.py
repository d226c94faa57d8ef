"""Tiny files in the form that each publisher ships, made here from invented rows."""

from __future__ import annotations

# ruff: noqa: E501  (headers and rows stand as their publishers write them)
import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl

from sca_nlp.read.deeds.phoenix import _DAILY
from sca_nlp.read.deeds.ucdp_ged import COLUMNS as GED_COLUMNS


def write_csv(path: Path, header: str, *rows: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    path.write_bytes((end.join([header, *rows]) + end).encode(encoding))
    return path


def gdelt_row(n_fields: int = 58, **fields: str) -> str:
    """One GDELT row; the named fields are those that the reader looks at."""
    row = [""] * n_fields
    values = {
        "day": "20140301",
        "country1": "RUS",
        "type1": "",
        "country2": "UKR",
        "type2": "",
        "root": "1",
        "code": "190",
        "quad": "4",
        "goldstein": "-10.0",
    } | fields
    places = {
        "day": 1,
        "country1": 7,
        "type1": 12,
        "country2": 17,
        "type2": 22,
        "root": 25,
        "code": 26,
        "quad": 29,
        "goldstein": 30,
    }
    for key, place in places.items():
        row[place] = values[key]
    row[0] = "1"
    return "\t".join(row)


def gdelt(folder: Path) -> Path:
    rows = [
        gdelt_row(),
        gdelt_row(code="193"),
        gdelt_row(country1="USA", code="042", quad="1", goldstein="1.9", type1="GOV"),
    ]
    rows += [gdelt_row(type1="REB"), gdelt_row(country2="RUS"), gdelt_row(country2="")]  # rebels, domestic, nobody
    path = folder / "20140301.export.CSV.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("20140301.export.CSV", "\n".join(rows) + "\n")
    return path


def gdelt_network(folder: Path) -> Path:
    rows = ["2020-01,RUS,USA,10,30,31", "2020-02,RUS,USA,20,10,30", "2020-02,FRA,USA,1,1,30"]
    return write_csv(folder / "months.csv", "month,iso3_a,iso3_b,days_pos,days_neg,days_in_month", *rows)


def icews(folder: Path) -> Path:
    header = (
        "Event ID\tEvent Date\tSource Name\tSource Sectors\tSource Country\tEvent Text\tCAMEO Code\tIntensity\tTarget Name\t"
        "Target Sectors\tTarget Country\tStory ID\tSentence Number\tPublisher\tCity\tDistrict\tProvince\tCountry\tLatitude\tLongitude"
    )
    tail = '1\t1\tInvented "Post\t\t\t\t\t0\t0'
    rows = [
        f"1\t2015-02-03\tA\tExecutive,Government\tRussian Federation\tConsult\t40\t1\tB\t\tGermany\t{tail}",
        f"1\t2015-02-03\tA\tExecutive,Government\tRussian Federation\tConsult\t40\t1\tB\t\tGermany\t{tail}",  # the same event again
        f"2\t2015-02-04\tA\tMilitary\tFrance\tThreaten\t138\t-7\tB\tGovernment\tIran\t{tail}",
        f"3\t2015-02-04\tA\tBusiness\tFrance\tThreaten\t138\t-7\tB\tGovernment\tIran\t{tail}",  # no state organ
        f"4\t2015-02-04\tA\t\tFrance\tThreaten\t138\t-7\tB\tGovernment\tFrance\t{tail}",  # domestic
    ]
    return write_csv(folder / "events.2015.tab", header, *rows)


def icews_yearly(folder: Path) -> Path:
    header = "source_iso3,target_iso3,year,verbCoop,matlCoop,verbConf,matlConf"
    return write_csv(folder / "quads.csv", header, "RUS,USA,2005,6,1,2,1", "USA,RUS,2005,0,0,0,0")


def polecat(folder: Path) -> Path:
    header = (
        "Event ID\tEvent Date\tEvent Type\tEvent Mode\tIntensity\tQuad Code\tContexts\tActor Name\tActor Country\tPrimary Actor Sector\t"
        "Recipient Name\tRecipient Country\tPrimary Recipient Sector\tHeadline"
    )
    rows = [
        "a\t2022-03-01\tCONSULT\tvisit\t1\tVERBAL COOPERATION\tNone\tX\tUSA; GBR\tGOV\tY\tPOL\tGOV",
        "b\t2022-03-02\tASSAULT\theavy-weapons\t1\tMATERIAL CONFLICT\tNone\tX\tRUS\tMIL\tY\tUKR\tNone",
        "c\t2022-03-02\tPROTEST\tdemo\t1\tMATERIAL CONFLICT\tNone\tX\tRUS\tCVL\tY\tUKR\tGOV",
    ]
    return write_csv(folder / "ngecEventsDV-2022.txt", header, *rows)


def phoenix(folder: Path) -> Path:
    def row(**fields: str) -> str:
        values = {
            "EventID": "1",
            "Date": "20150607",
            "EventCode": "042",
            "GoldsteinScore": "1.9",
            "QuadClass": "1",
        } | fields
        return "\t".join(values.get(name, "") for name in _DAILY)

    rows = [
        row(SourceActorEntity="FRA", SourceActorRole="GOV", TargetActorEntity="DEU", TargetActorRole="GOV"),
        row(SourceActorEntity="FRA", SourceActorRole="OPP", TargetActorEntity="DEU", TargetActorRole="GOV"),
    ]
    path = folder / "events.full.20150607.txt"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def phoenix_cline(folder: Path) -> Path:
    header = (
        "eid,story_date,year,month,day,source,source_root,source_agent,source_others,target,target_root,target_agent,target_others,"
        "code,root_code,quad_class,goldstein,joined_issues,lat,lon,placename,statename,countryname,aid,process"
    )
    row = "1,6/7/1961,1961,6,7,SUNGOV,SUN,GOV,,USAGOV,USA,GOV,,42,4,1,1.9,,,,,,,1,NYT"
    return write_csv(folder / "PhoenixNYT_1945-2005.csv", header, row)


def ucdp_ged(folder: Path, header: bool = True) -> Path:
    def row(**fields: str) -> str:
        values = {
            "id": "7",
            "year": "1999",
            "type_of_violence": "1",
            "date_start": "1999-06-05 00:00:00.000",
            "best": "12",
        } | fields
        return ",".join('"two\nlines"' if name == "source_article" else values.get(name, "") for name in GED_COLUMNS)

    rows = [
        row(gwnoa="750", gwnob="770"),
        row(id="8", gwnoa="750"),
        row(id="9", type_of_violence="3", gwnoa="750", gwnob="770"),
    ]
    path = folder / "GEDEvent_v25_1.csv"
    path.write_text("\n".join([",".join(GED_COLUMNS), *rows] if header else rows) + "\n", "utf-8")
    return path


def ucdp_acd(folder: Path) -> Path:
    header = (
        "conflict_id,location,side_a,side_a_id,side_a_2nd,side_b,side_b_id,side_b_2nd,incompatibility,territory_name,year,intensity_level,"
        "cumulative_intensity,type_of_conflict,start_date,start_prec,start_date2,start_prec2,ep_end,ep_end_date,ep_end_prec,gwno_a,gwno_a_2nd,"
        "gwno_b,gwno_b_2nd,gwno_loc,region,version"
    )
    rows = [
        # two against one, with a supporter of the first side
        '1,"X","A, B",1,,"C",2,,1,,1991,2,1,2,1991-01-17,1,1991-01-17,1,0,,,"2, 200",220,645,,645,2,25.1',
        # a civil war with troops of 365 for the rebels and of 2 for the government
        '2,"X","A",1,,"C",2,,1,,2015,1,1,4,2014-04-07,1,2014-04-07,1,0,,,369,2,,365,369,1,25.1',
        '3,"X","A",1,,"C",2,,2,,2015,1,1,3,2014-04-07,1,2014-04-07,1,0,,,775,,,,775,3,25.1',
    ]
    return write_csv(folder / "UcdpPrioConflict_v25_1.csv", header, *rows)


def acled(folder: Path) -> Path:
    header = "event_id_cnty,event_date,year,event_type,sub_event_type,actor1,inter1,actor2,inter2,country,fatalities"
    forces = "Military Forces of {} (2000-)"
    rows = [
        f"UKR1,16 May 2023,2023,Battles,Armed clash,{forces.format('Russia')},8,{forces.format('Ukraine')},1,Ukraine,3",
        f"UKR2,2023-05-17,2023,Explosions/Remote violence,Shelling/artillery/missile attack,{forces.format('Russia')} Air Force,8,"
        "Civilians (Ukraine),7,Ukraine,1",
        "UKR3,2023-05-17,2023,Protests,Peaceful protest,Protesters (Ukraine),6,,0,Ukraine,0",
    ]
    return write_csv(folder / "acled.csv", header, *rows, encoding="utf-8-sig")


def mid_dyadic(folder: Path) -> Path:
    header = "dispnum,ccode1,ccode2,year,dispongoing,disponset,sidea1,sidea2,hiact1,hiact2,hostlev1,hostlev2,styear,stmon,settle"
    rows = [
        "10,750,770,1971,1,1,1,0,20,20,5,5,1971,11,1",
        "10,770,750,1971,1,1,0,1,20,20,5,5,1971,11,1",
        "11,2,365,1983,1,1,1,0,1,0,2,-9,1983,-9,3",
        "11,365,2,1983,1,1,0,1,0,1,-9,2,1983,-9,3",
    ]
    return write_csv(folder / "cow_mid_dirdisps.csv", header, *rows, end="\r\n")


def mid(folder: Path) -> Path:
    """MIDA and MIDB as published: one dispute, two states against one, one of them for the first year only."""
    write_csv(
        folder / "MIDA 5.0.csv",
        "dispnum,stday,stmon,styear,endday,endmon,endyear,outcome,settle,fatality,fatalpre,maxdur,mindur,hiact,hostlev,recip,numa,numb,"
        "ongo2014,version",
        "20,5,6,1998,7,8,1999,6,1,0,0,400,400,16,4,1,2,1,0,5",
        end="\r\n",
    )
    write_csv(
        folder / "MIDB 5.0.csv",
        "dispnum,stabb,ccode,stday,stmon,styear,endday,endmon,endyear,sidea,revstate,revtype1,revtype2,fatality,fatalpre,hiact,hostlev,orig,"
        "version",
        "20,USA,2,5,6,1998,7,8,1999,1,0,-9,-9,0,0,7,3,1,5",
        "20,UKG,200,5,6,1998,9,9,1998,1,0,-9,-9,0,0,0,1,0,5",
        "20,IRQ,645,5,6,1998,7,8,1999,0,1,2,-9,0,0,16,4,1,5",
        end="\r\n",
    )
    return folder


def alliances(folder: Path) -> Path:
    header = "ccode1,ccode2,year,atop_defense,atop_offense,atop_neutral,atop_nonagg,atop_consul"
    return write_csv(
        folder / "atop.csv", header, "220,255,1995,1,0,0,1,1", "255,220,1995,1,0,0,1,1", "2,365,1995,0,0,0,1,NA"
    )


def cow_alliances(folder: Path) -> Path:
    header = "version4id,ccode1,state_name1,ccode2,state_name2,left_censor,right_censor,defense,neutrality,nonaggression,entente,year,version"
    return write_csv(
        folder / "alliance_v4.1_by_directed_yearly.csv", header, "1,220,France,255,Germany,0,1,1,0,0,1,1995,4.1"
    )


def unga(folder: Path) -> Path:
    """Votes as published: twelve roll calls in one year, two on arms control."""
    countries = {"US": "United States", "SU": "Russia", "": "Federal Republic of Germany"}
    vote_rows, calls, issues = [], [], []
    for rcid in range(1, 13):
        calls.append(f"{rcid},30,0,1975-1{rcid % 3}-01,R/{rcid},0,0,short,an invented roll call")
        for code, name in countries.items():
            vote = {"US": "yes", "SU": "no" if rcid <= 6 else "abstain", "": "yes"}[code]
            vote_rows.append(f"{rcid},{name},{code},{vote}")
    issues = [
        "1,di,Arms control and disarmament",
        "2,nu,Nuclear weapons and nuclear material",
        "3,me,Palestinian conflict",
    ]
    write_csv(folder / "un_votes.csv", "rcid,country,country_code,vote", *vote_rows)
    write_csv(folder / "un_roll_calls.csv", "rcid,session,importantvote,date,unres,amend,para,short,descr", *calls)
    write_csv(folder / "un_roll_call_issues.csv", "rcid,short_name,issue", *issues)
    return folder


def unga_idealpoints(folder: Path) -> Path:
    header = '"","ccode","session","NVotes","IdealPoint","Q5%","Q95%","iso3c","Countryname"'
    rows = ['"1",2,30,90,2.5,2.3,2.7,"USA","United States"', '"2",437,30,90,-0.5,-0.6,-0.3,"CIV","C\xf4te d\'Ivoire"']
    return write_csv(folder / "Idealpoints.csv", header, *rows, encoding="latin-1")


def nmc(folder: Path) -> Path:
    rows = [f"{code},{year},{milex},{milper},0,0,{tpop},0,0.1" for code, year, milex, milper, tpop in (
        (2, 1980, 100, 10, 1000), (2, 1981, 200, 10, 1000), (2, 1983, 400, 20, 1000),
        (365, 1980, 100, 10, 1000), (365, 1981, 100, 20, 1000), (365, 1982, -9, 30, 1000),
        (220, 1980, 100, 10, 1000), (220, 1981, 50, 10, 1000),
    )]  # fmt: skip
    return write_csv(folder / "NMC-70-abridged.csv", "ccode,year,milex,milper,irst,pec,tpop,upop,cinc", *rows)


def sipri_milex(folder: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Front page"
    sheet = book.create_sheet("Share of GDP")
    sheet.append(["Military expenditure by country as a share of GDP"])
    for _ in range(4):
        sheet.append([None])
    sheet.append(["Country", "Notes", 1990, 1991, 1992, 1993])
    sheet.append(["Europe"])
    sheet.append(["France", "", 0.03, 0.02, "...", 0.03])
    sheet.append(["Germany", "1", 0.02, 0.025, 0.025, "xxx"])
    sheet.append(["Atlantis", "", 0.02, 0.03, "...", "..."])
    real = book.create_sheet("Constant (2021) US$")
    real.append(["Country", None, "Notes", 1990, 1991])
    real.append(["France", None, "", 100, 110])
    path = folder / "SIPRI-Milex-data.xlsx"
    book.save(path)
    return path


def sipri_arms(folder: Path) -> Path:
    lines = [
        ["TIV of arms exports from France, 1950-1952"], ["Generated: 1 January 2020"], ["an invented note"], [""],
        ["", "1950", "1951", "1952", "Total"],
        ["India", "10", "", "0", "10"],
        ["Invented Front*", "1", "", "", "1"],
        ["Total", "11", "", "0", "11"],
    ]  # fmt: skip
    path = folder / "TIV-Export-FRA-1950-1952.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return path


def igo(folder: Path) -> Path:
    return write_csv(folder / "igo_ndy.csv", "ccode1,ccode2,year,dyadigos", "220,255,1995,90", "2,365,1995,-9")


def dcad(folder: Path) -> Path:
    header = "ccode1,cowName1,ccode2,cowName2,signDay,signMonth,signYear,EIFYear,type,category1,terminated,source,DCAid"
    rows = [
        "220,FRN,255,GMY,12,3,1995,1996,general,DCA,0,Minist\xe8re,X-1",
        "220,FRN,2,USA,-77,-77,1996,-77,sector,TREX,0,a,X-2",
    ]
    return write_csv(folder / "DCAD-v1.0-main.csv", header, *rows, encoding="latin-1")


def exercises(folder: Path) -> Path:
    header = "MMEID,name,year,month,Warfighting,Peacekeeping,Humanitarian,n_participants,participants"
    rows = ["m1,Invented Shield,1990,5,1,0,0,2,FRA;DEU", "m2,Invented Relief,1991,,0,1,0,3,FRA;DEU;USA"]
    return write_csv(folder / "mme.csv", header, *rows)


def chronology(folder: Path) -> Path:
    header = "date;source;target;manifestation;sign;magnitude;verbal;description;reference;direction"
    rows = [
        "1994-06-22;RUS;NATO;security_cooperation;+1;2;false;An invented framework is signed;a book;mutual",
        "1999-03;NATO;YUG;response_to_threat;-1;3;material;An invented crisis;a book;",
    ]
    return write_csv(folder / "chronology.csv", header, *rows)


#: Reader -> (maker of a file, options, number of deeds in it).
FILES: dict[str, tuple[Callable[[Path], Path], dict[str, Any], int]] = {
    "gdelt": (gdelt, {}, 2),
    "gdelt_network": (gdelt_network, {}, 4),
    "icews": (icews, {}, 2),
    "icews_yearly": (icews_yearly, {}, 4),
    "polecat": (polecat, {}, 3),
    "phoenix": (phoenix, {}, 1),
    "ucdp_ged": (ucdp_ged, {}, 2),
    "ucdp_acd": (ucdp_acd, {}, 9),
    "acled": (acled, {}, 3),
    "mid_cow": (mid, {}, 10),
    "mid_gml": (mid_dyadic, {}, 5),
    "alliances": (alliances, {}, 7),
    "unga": (unga, {}, 6),
    "unga_idealpoints": (unga_idealpoints, {}, 2),
    "nmc": (nmc, {}, 3),
    "sipri_milex": (sipri_milex, {}, 3),
    "sipri_arms": (sipri_arms, {}, 2),
    "igo": (igo, {}, 2),
    "dcad": (dcad, {}, 4),
    "exercises": (exercises, {}, 8),
    "chronology": (chronology, {}, 3),
}
