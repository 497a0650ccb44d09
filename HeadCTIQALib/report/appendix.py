"""Tables for audit: acquisition, extras, landmarks, provenance, the formula of the score, the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from HeadCTIQALib.curve import BAND_ACCEPTABLE, BAND_GOOD
from HeadCTIQALib.hierarchy import CATEGORIES, CATEGORY_BY_ID, IQM_BY_ID
from HeadCTIQALib.record import Record
from HeadCTIQALib.record.judged import ContributionEntry
from HeadCTIQALib.report.html import Html, join, number, points, table, tag, with_unit
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
    known = [(title, getattr(record.input.acquisition, name), unit) for name, title, unit in _ACQUISITION]
    rows: list[tuple[object, ...]] = [(title, words(value, unit)) for title, value, unit in known if value is not None]
    shape, spacing = record.input.shape, record.input.spacing_mm
    rows.append(("Matrix", f"{shape[2]} × {shape[1]}, {shape[0]} slices"))
    rows.append(("Pixel", f"{number(spacing.column)} × {number(spacing.row)} mm"))
    low, high = number(spacing.slice_min), number(spacing.slice_max)
    rows.append(("Slice spacing", f"{number(spacing.slice_median)} mm (from {low} to {high})"))
    absent = [title for title, value, _ in known if value is None]
    if absent:
        rows.append(("Not in the file", ", ".join(absent)))
    return table(("Acquisition", "Value"), rows, "Acquisition context")


def _extras(record: Record) -> Html:
    if not record.extras:
        return Html("")
    rows: list[tuple[object, ...]] = []
    for e in record.extras:
        if e.value is None:
            shown: object = join("not assessable: ", e.reason)
        else:
            shown = detail_value(e.id, e.value) if e.unit == "1" else words(e.value, e.unit)
        rows.append((e.title or e.id, shown, e.source))
    return table(("Measurement", "Value", "Source"), rows, "Further measurements, never part of the score")


def _landmarks(record: Record) -> Html:
    found = record.findings.landmarks
    if not found:
        return Html("")
    rows: list[tuple[object, ...]] = [
        (
            p.title or name, " / ".join(number(c) for c in p.position), number(p.confidence),
            "–" if p.spread_mm is None else f"{number(p.spread_mm)} mm", "yes" if p.in_scan else "no, estimated", p.source,
        )
        for name, p in found.items()
    ]  # fmt: skip
    return table(
        ("Landmark", "R / A / S, mm", "Confidence", "Spread of the network's answer (SD)", "In the scan", "Found by"),
        rows,
        "Landmarks",
    )


def _formula(record: Record) -> Html:
    rows: list[tuple[object, ...]] = []
    for c in CATEGORIES:
        entry = record.categories[c.id]
        terms = [join(points(t.points), " ", title(t.source_id), tag("small", term(t))) for t in entry.contributions]
        score = "withheld" if entry.score is None else number(entry.score)
        rows.append((c.title, number(entry.base), join(*terms, sep=Html("<br>")), score, number(entry.weight)))
    overall = [join(points(t.points), " ", _source(t)) for t in record.overall.contributions]
    sum_up = (
        join(
            "Overall ",
            tag("b", number(record.overall.score)),
            f" = {number(record.overall.base)} ",
            join(*overall, sep=Html(" ")),
            ".",
        )
        if overall
        else None
    )
    return join(
        tag("h3", "How the score is made up"),
        tag("p", "Scoring model: ", tag("b", record.scoring_model.name), "; profile: ", tag("b", record.profile.name),
            ". Every score is a sum: base + coefficient × feature. ",
            f"Bands: from {BAND_GOOD:g} good, from {BAND_ACCEPTABLE:g} acceptable, below poor. An item that is not assessable withholds "
            "its category's score and the overall score; nothing is imputed, and the verdict says what holds whatever its value is."),
        table(("Category", "Base", "Points", "Score", "Weight"), rows, "Contributions in points"),
        tag("p", sum_up) if sum_up else None,
    )  # fmt: skip


def title(source: str) -> str:
    """What an IQM or a category is called."""
    known = IQM_BY_ID.get(source) or CATEGORY_BY_ID.get(source)
    return known.title if known else source


def _source(contribution: ContributionEntry) -> str:
    name = title(contribution.source_id)
    return f"{name} ({LIMIT})" if contribution.feature == LIMIT else name


def term(t: ContributionEntry) -> str:
    """How the points of a contribution are made up."""
    return f" = {number(t.coefficient)} × {number(t.feature_value)} ({t.feature})"


def _provenance(record: Record) -> Html:
    software, scan = record.software, record.input
    facts: list[tuple[object, ...]] = [
        ("Scan", scan.name),
        ("Read as", scan.kind),
        ("SHA-256 of voxels and geometry", words(scan.sha256)),
        ("Series chosen because", words(scan.chosen_because or None)),
        ("Software", f"{software.name} {software.version}, Python {software.python}"),
        ("Packages", words(software.packages)),
        ("Record", record.schema), ("Created", record.created),
        ("Time taken, s", ", ".join(f"{k} {words(v)}" for k, v in record.timings.items()) or "–"),
    ]  # fmt: skip
    facts += [(f"Method: {k.replace('_', ' ')}", v) for k, v in record.findings.methods.items()]
    models: list[tuple[object, ...]] = [
        (
            m.name,
            m.version,
            tag("code", m.sha256),
            words(m.data_source or None),
        )
        for m in record.models
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
