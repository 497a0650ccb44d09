"""Which series of a study is assessed: the axial soft-kernel head CT that a radiologist reads the brain on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..errors import InputError
from .candidates import Candidate, counted, extent_mm, labelled, line, listing_order
from .grouping import MIN_SLICES, differences, kind, same_plane, volumes
from .headers import CT_IMAGE, ENHANCED_CT, Slice
from .identity import Series, grouped
from .kernels import is_sharp, sharpness_word
from .limits import MAX_SLICES
from .lost import MOST_LOST
from .types import Lost

_HEAD_PARTS = ("HEAD", "BRAIN", "SKULL", "CRANI", "KOPF", "SCHAEDEL", "CEREB", "TETE", "CAP")
_OTHER_PARTS = ("CHEST", "THORAX", "ABDOM", "PELVIS", "LUNG", "SPINE", "EXTREM", "HEART", "KNEE", "HIP", "SHOULDER")


def choose(
    images: Sequence[Slice], name: str, asked: str | None, beside: object = None
) -> tuple[Candidate, str, tuple[str, ...]]:
    """The candidate to assess, one sentence why, and one line for every candidate considered.

    Args:
        images: of all files.
        name: of the file or folder, for messages.
        asked: SeriesInstanceUID, a label, or a unique ending of one; None to choose the most suitable.
        beside: path of one file, whose volume is meant.

    Raises:
        InputError: no series is a CT volume, `asked` fits none or several, or there is more than one patient or study.
    """
    everything, candidates = candidates_in(images)
    patients = list(dict.fromkeys(c.series.identity.patient for c in candidates))
    considered = tuple(line(c, patients) for c in candidates)
    if asked is not None:
        return _asked_for(candidates, name, asked, considered), "asked for", considered
    if beside is not None:
        own = [c for c in (*candidates, *everything) if any(s.path == beside for s in c.slices)]
        if own and own[0].objection is None:
            return own[0], "the series of the file", considered
        raise InputError(
            f"{name} cannot be assessed ({own[0].objection if own else 'no image'}); give a file or the folder of an axial head CT."
        )
    usable = [c for c in candidates if c.objection is None]
    if not usable:
        raise InputError(_nothing_usable(candidates, name))
    _refuse_several(usable, name)
    best = max(usable, key=suitability)
    return _with_others(best, candidates), _because(best, len(candidates)), considered


def candidates_in(images: Sequence[Slice]) -> tuple[list[Candidate], list[Candidate]]:
    """All volumes of all series, and of them those worth a mention, labelled, in the order in which they are listed."""
    everything = [c for series in grouped(images) for c in _candidates(series)]
    mentioned = [c for c in everything if c.objection or len(c.slices) >= MIN_SLICES or _is_largest(c, everything)]
    return everything, labelled(sorted(mentioned, key=listing_order))


def _refuse_several(usable: list[Candidate], name: str) -> None:
    """More than one patient or study that could be assessed: which one is meant, only the user knows."""
    whole = [c for c in usable if len(c.slices) >= MIN_SLICES]
    patients = list(dict.fromkeys(c.series.identity.patient for c in whole))
    studies = {c.series.identity for c in whole}
    if not whole and len(usable) > 1 and (images := sum(len(c.slices) for c in usable)) >= MIN_SLICES:
        people, series = (
            counted(len({c.series.identity.patient for c in usable}), "patient"),
            len({c.series for c in usable}),
        )
        told = f"{name} holds {images} CT images, but by their tags they are of {people} and {series} series, none with {MIN_SLICES} slices"
        raise InputError(f"{told}; give the folder of one head CT, or export it with its identifiers.")
    if len(studies) > 1:
        what = f"{len(patients)} patients" if len(patients) > 1 else f"{len(studies)} studies"
        lines = "; ".join(line(c, patients) for c in whole)
        raise InputError(
            f"{name} holds CT scans of {what}; choose one with --series and the first word of its entry: {lines}."
        )


def _with_others(chosen: Candidate, candidates: list[Candidate]) -> Candidate:
    """With a sentence about images of other patients and studies, which cannot be assessed but are there."""
    others = [c for c in candidates if c.series.identity != chosen.series.identity]
    if not others:
        return chosen
    patient = any(c.series.identity.patient != chosen.series.identity.patient for c in others)
    images = sum(len(c.slices) for c in others)
    note = f"Left out: {counted(images, 'image')} of another {'patient' if patient else 'study'}."
    return replace(chosen, left_out=(*chosen.left_out, note))


def _asked_for(candidates: list[Candidate], name: str, asked: str, considered: tuple[str, ...]) -> Candidate:
    wanted = asked.strip()
    exact = [c for c in candidates if wanted in (c.label, c.series.uid)]
    fitting = exact or [c for c in candidates if wanted and (c.series.uid.endswith(wanted) or c.label.endswith(wanted))]
    usable = [c for c in fitting if c.objection is None]
    if (
        len(fitting) > 1
        and len({c.series.identity for c in fitting}) == len({c.series.uid for c in fitting}) == 1
        and usable
    ):
        return max(usable, key=suitability)  # several volumes of one series
    if len(fitting) != 1:
        problem = "fits no series" if not fitting else f"fits {len(fitting)} series"
        raise InputError(
            f"{name}: --series {asked} {problem}; give the UID or a unique ending of one of: {'; '.join(considered)}."
        )
    if fitting[0].objection:
        raise InputError(f"{name}: series {asked} cannot be assessed ({fitting[0].objection}); choose another one.")
    return fitting[0]


def _candidates(series: Series) -> list[Candidate]:
    """The volumes of a series, the largest first; one with an objection where there is none."""
    objection = _objection(series)
    images = [s for s in series.slices if kind(s) != "localizer"]
    if objection or not images:
        return [
            Candidate(series, series.slices, objection=objection or ("localizer" if series.slices else "no images"))
        ]
    placed = [s for s in images if not s.problems]
    if not placed:
        each = Counter(problem for s in images for problem in s.problems)
        shown = " and ".join(sorted(p for p, n in each.items() if n == max(each.values())))
        return [Candidate(series, tuple(images), objection=f"{shown} in every image")]
    found = volumes(placed)
    problems = Counter(" and ".join(s.problems) for s in images if s.problems)
    notes = [
        f"Left out: {counted(count, 'image')} of the series ({problem})." for problem, count in sorted(problems.items())
    ]
    lost = tuple(
        Lost(f"{counted(count, 'image')} of the series cannot be placed ({problem})", slices=count)
        for problem, count in sorted(problems.items())
    )
    return [
        Candidate(
            series,
            tuple(sorted(volume, key=lambda s: (s.order, s.instance_uid, str(s.path)))),
            (*series.notes, *notes, *_split_off(volume, found, len(placed)), *_mixed(volume)),
            lost,
            tuple(_aside(volume, found)),
        )
        for volume in found
    ]


def _aside(volume: list[Slice], found: list[list[Slice]]) -> list[Slice]:
    acquisitions = {s.order[0] for s in volume}
    first = volume[0]
    aside = [
        s
        for other in found
        if other is not volume
        for s in other
        if s.order[0] in acquisitions and kind(s) == kind(first) and s.phase == first.phase and same_plane(s, first)
    ]
    return aside if len(aside) <= MOST_LOST * len(volume) else []  # more are a scan of their own


def _split_off(volume: list[Slice], found: list[list[Slice]], count: int) -> list[str]:
    reasons: Counter[str] = Counter()
    for other in found:
        if other is not volume:
            reasons[" and ".join(differences(volume[0], other[0]))] += len(other)
    return [
        f"Left out: {images} of {counted(count, 'image')} of the series with another {reason}."
        for reason, images in reasons.items()
    ]


def _mixed(volume: list[Slice]) -> list[str]:
    kv = ", ".join(map(str, sorted({round(s.kvp) for s in volume if s.kvp})))
    return (
        [f"The tube voltage changes within the scan ({kv} kV): HU, noise and contrast are not the same throughout."]
        if "," in kv
        else []
    )


def _objection(series: Series) -> str | None:
    if series.context.modality != "CT":
        return (
            f"modality {_code(series.context.modality)}, not CT"
            if series.context.modality
            else "Modality is missing and nothing says CT"
        )
    if series.context.sop_class != CT_IMAGE and series.context.sop_class not in ENHANCED_CT:
        return "secondary capture or report, not CT images"
    return None if series.context.grey else "colour images, not CT values"


def _code(modality: str) -> str:
    """A modality as it may be shown: DICOM's are of two or more capitals."""
    return modality if modality.isascii() and modality.isalpha() and len(modality) <= 9 else "unknown"


def _is_largest(c: Candidate, candidates: list[Candidate]) -> bool:
    return next(other for other in candidates if other.series is c.series) is c


def is_of_other_part(c: Candidate) -> bool:
    """Whether its tags name another part of the body, and the head nowhere."""
    head, other = _parts(c)
    return other and not head


def _parts(c: Candidate) -> tuple[bool, bool]:
    part = c.series.context.body_part + " " + c.series.context.description.upper()
    head, other = (any(word in part for word in words) for words in (_HEAD_PARTS, _OTHER_PARTS))
    return head, other


def suitability(c: Candidate) -> tuple[object, ...]:
    """Larger is better; the first difference decides."""
    head, other = _parts(c)
    made, sharp = kind(c.slices[0]), is_sharp(c.slices[0].kernel)
    thickness = c.slices[0].thickness
    return (
        MIN_SLICES <= len(c.slices) <= MAX_SLICES and extent_mm(c) >= 80,
        MIN_SLICES <= len(c.slices) <= MAX_SLICES,
        c.axial,
        head or not other,
        made != "processed",
        sharp is not True,
        {"original": 2, "derived": 1}.get(made, 0),
        sharp is False,
        not c.series.context.contrast,
        head,
        thickness is None or 1.0 <= thickness <= 6.0,
        round(extent_mm(c) / 20),
        len(c.slices),
        -(c.series.context.number or 0),
        c.label,
    )


def _because(c: Candidate, count: int) -> str:
    if count == 1:
        return "the only series"
    thickness = c.slices[0].thickness
    parts = [
        "axial" if c.axial else "no axial series present",
        f"{sharpness_word(c.slices[0].kernel)} kernel {c.kernel}" if c.kernel else "kernel unknown",
        kind(c.slices[0]),
        counted(len(c.slices), "slice") + (f" of {thickness:g} mm" if thickness else ""),
    ]
    return f"most suitable of {count} series: {', '.join(parts)}"


def _nothing_usable(candidates: list[Candidate], name: str) -> str:
    reasons = sorted({c.objection or "" for c in candidates})
    return f"{name} holds no CT image series ({'; '.join(reasons)}); give the folder of an axial head CT."


# ---- the list ----------------------------------------------------------------------------------------------------------
