"""Tables for audit: acquisition, extras, landmarks, provenance, the formula of the score, the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD
from HeadCTIQALib.hierarchy import CATEGORIES, CATEGORY_BY_ID, IQM_BY_ID
from HeadCTIQALib.report.html import Html, join, number, points, table, tag, with_unit
from HeadCTIQALib.report.record import Record, at, scan_name
from HeadCTIQALib.report.tree import detail_value
from HeadCTIQALib.scoring.types import LIMIT

FILES = (
    ("assessment.json", "the record: every value, range, reason and version in this report"),
    ("segmentation.seg.nrrd", "masks: drag into 3D Slicer, loads as a segmentation"),
    ("landmarks.mrk.json", "anatomical points: drag into 3D Slicer, loads as Markups"),
    ("midsagittal.mrk.json", "mid-sagittal plane: drag into 3D Slicer, loads as a Markups plane"),
    ("report.html", "this report"),
)
_ACQUISITION = (
    ("manufacturer", "Manufacturer", ""), ("model", "Scanner", ""), ("kernel", "Kernel", ""),
    ("slice_thickness_mm", "Slice thickness", "mm"), ("kvp", "Tube voltage", "kV"), ("tube_current_ma", "Tube current", "mA"),
    ("exposure_mas", "Exposure", "mAs"), ("ctdi_vol_mgy", "CTDIvol", "mGy"), ("dlp_mgy_cm", "Dose length product", "mGy cm"),
    ("reconstruction_diameter_mm", "Field of view", "mm"), ("gantry_tilt_deg", "Gantry tilt", "deg"),
    ("contrast_agent", "Contrast agent", ""), ("patient_age_years", "Age", "years"), ("body_part", "Body part", ""),
    ("study_date", "Study date", ""), ("series_description", "Series", ""), ("isocentre_ras", "Isocentre (RAS)", "mm"),
)  # fmt: skip


def appendix(record: Record) -> Html:
    """All audit tables."""
    parts = (
        _acquisition(record),
        _extras(record),
        _landmarks(record),
        _formula(record),
        _provenance(record),
        _files(record),
    )
    return tag("section", tag("h2", "For audit"), *parts, id="audit")


def words(value: Any, unit: str = "") -> str:
    """Any value of the record as short text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return with_unit(value, unit or "1")
    if isinstance(value, (list, tuple)):
        return ", ".join(words(v) for v in value) + (f" {unit}" if unit and value else "")
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {words(v)}" for k, v in value.items())
    return str(value)


def _acquisition(record: Record) -> Html:
    a = at(record, "input", "acquisition", default={})
    rows: list[tuple[object, ...]] = [
        (title, words(a.get(key), unit)) for key, title, unit in _ACQUISITION if a.get(key) is not None
    ]
    shape, spacing = at(record, "input", "shape"), at(record, "input", "spacing_mm", default={})
    if shape:
        rows.append(("Matrix", f"{shape[2]} × {shape[1]}, {shape[0]} slices"))
    if spacing:
        rows.append(("Pixel", f"{number(spacing.get('column'))} × {number(spacing.get('row'))} mm"))
        low, high = spacing.get("slice_min"), spacing.get("slice_max")
        rows.append(
            ("Slice spacing", f"{number(spacing.get('slice_median'))} mm (from {number(low)} to {number(high)})")
        )
    absent = [title for key, title, _ in _ACQUISITION if a.get(key) is None]
    if absent:
        rows.append(("Not in the file", ", ".join(absent)))
    return table(("Acquisition", "Value"), rows, "Acquisition context")


def _extras(record: Record) -> Html:
    found = record.get("extras") or ()
    if not found:
        return Html("")
    rows: list[tuple[object, ...]] = []
    for e in found:
        value, unit = e.get("value"), str(e.get("unit") or "1")
        if value is None:
            shown: object = join("not assessable: ", e.get("reason") or "no reason given")
        else:
            shown = detail_value(str(e.get("id")), value) if unit == "1" else words(value, unit)
        rows.append((e.get("title") or e.get("id"), shown, e.get("source") or ""))
    return table(("Measurement", "Value", "Source"), rows, "Further measurements, never part of the score")


def _landmarks(record: Record) -> Html:
    found = at(record, "findings", "landmarks", default={})
    if not found:
        return Html("")
    rows: list[tuple[object, ...]] = []
    for name, p in found.items():
        position = p.get("position") or ()
        spread = p.get("spread_mm")
        rows.append(
            (
                p.get("title") or name, " / ".join(number(c) for c in position), number(p.get("confidence")),
                "–" if spread is None else f"{number(spread)} mm", "yes" if p.get("in_scan", True) else "no, estimated", p.get("source") or "",
            )
        )  # fmt: skip
    return table(
        ("Landmark", "R / A / S, mm", "Confidence", "Spread of the network's answer (SD)", "In the scan", "Found by"),
        rows,
        "Landmarks",
    )


def _formula(record: Record) -> Html:
    name = at(record, "scoring_model", "name") or at(record, "scoring_model", "id") or "unnamed scoring model"
    rows: list[tuple[object, ...]] = []
    for c in CATEGORIES:
        entry = at(record, "categories", c.id, default={})
        terms = [
            join(points(t.get("points")), " ", _title(t.get("source_id")), tag("small", _term(t)))
            for t in entry.get("contributions") or ()
        ]
        score = "withheld" if entry.get("score") is None else number(entry.get("score"))
        rows.append(
            (c.title, number(entry.get("base")), join(*terms, sep=Html("<br>")), score, number(entry.get("weight")))
        )
    overall = [
        join(points(t.get("points")), " ", _source(t)) for t in at(record, "overall", "contributions", default=())
    ]
    sum_up = (
        join(
            "Overall ",
            tag("b", number(at(record, "overall", "score"))),
            f" = {number(at(record, 'overall', 'base'))} ",
            join(*overall, sep=Html(" ")),
            ".",
        )
        if overall
        else None
    )
    return join(
        tag("h3", "How the score is made up"),
        tag("p", "Scoring model: ", tag("b", name), "; profile: ", tag("b", at(record, "profile", "name", default="default")),
            ". Every score is a sum: base + coefficient × feature. ",
            f"Bands: from {BAND_GOOD:g} good, from {BAND_ACCEPTABLE:g} acceptable, below poor. An item that is not assessable withholds "
            "its category's score and the overall score; nothing is imputed, and the verdict says what holds whatever its value is."),
        table(("Category", "Base", "Points", "Score", "Weight"), rows, "Contributions in points"),
        tag("p", sum_up) if sum_up else None,
    )  # fmt: skip


def _title(source: Any) -> str:
    known = IQM_BY_ID.get(str(source)) or CATEGORY_BY_ID.get(str(source))
    return known.title if known else str(source)


def _source(term: Mapping[str, Any]) -> str:
    title = _title(term.get("source_id"))
    return f"{title} ({LIMIT})" if term.get("feature") == LIMIT else title


def _term(term: Mapping[str, Any]) -> str:
    if term.get("coefficient") is None:
        return ""
    return f" = {number(term.get('coefficient'))} × {number(term.get('feature_value'))} ({term.get('feature') or 'feature'})"


def _provenance(record: Record) -> Html:
    software = at(record, "software", default={})
    source = at(record, "input", "source", default={})
    facts: list[tuple[object, ...]] = [
        ("Scan", scan_name(record)),
        ("Read as", words(at(record, "input", "kind") or source.get("kind"))),
        ("SHA-256 of voxels and geometry", words(at(record, "input", "sha256") or source.get("sha256"))),
        ("Series chosen because", words(at(record, "input", "chosen_because") or source.get("chosen_because") or None)),
        ("Software", f"{words(software.get('name'))} {words(software.get('version'))}, Python {words(software.get('python'))}" if isinstance(software, Mapping) else words(software)),
        ("Packages", words(software.get("packages")) if isinstance(software, Mapping) else "–"),
        ("Record", words(record.get("schema"))), ("Created", words(record.get("created"))),
        ("Time taken, s", ", ".join(f"{k} {words(v)}" for k, v in at(record, "timings", default={}).items()) or "–"),
    ]  # fmt: skip
    facts += [
        (f"Method: {k.replace('_', ' ')}", words(v)) for k, v in at(record, "findings", "methods", default={}).items()
    ]
    models: list[tuple[object, ...]] = [
        (
            words(m.get("name")),
            words(m.get("version")),
            tag("code", words(m.get("sha256"))),
            words(m.get("data_source")),
        )
        for m in record.get("models") or ()
    ]
    return join(
        table(("Provenance", "Value"), facts, "Provenance"),
        table(("Model", "Version", "SHA-256", "Training data"), models, "Networks") if models else tag("p", "No network took part in the findings.", class_="quiet"),
    )  # fmt: skip


def _files(record: Record) -> Html:
    rows: list[tuple[object, ...]] = [(tag("code", name), what) for name, what in FILES]
    return join(
        table(("File", "What it is"), rows, "Files in the folder of this report"),
        tag("p", "To check or correct a finding: load the scan in 3D Slicer, open the module HeadCTIQA and choose this folder; "
            "or drag the files above into any 3D Slicer.", class_="quiet"),
    )  # fmt: skip
