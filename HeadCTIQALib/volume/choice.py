"""Which series of a study is assessed: the axial soft-kernel head CT that a radiologist reads the brain on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .geometry import AXIAL_COSINE
from .headers import CT_IMAGE, ENHANCED_CT, Series, Slice
from .kernels import is_sharp, sharpness_word
from .limits import MAX_SLICES

MIN_SLICES = 8
_HEAD_PARTS = ("HEAD", "BRAIN", "SKULL", "CRANI", "KOPF", "SCHAEDEL", "CEREB", "TETE", "CAP")
_OTHER_PARTS = ("CHEST", "THORAX", "ABDOM", "PELVIS", "LUNG", "SPINE", "EXTREM", "HEART", "KNEE", "HIP", "SHOULDER")
_PROCESSED = {"MIP", "MNIP", "MINIP", "PROJECTION IMAGE", "VRT", "SSD", "PERFUSION", "CBF", "CBV", "MTT", "TMAX", "VNC", "IODINE"}


@dataclass(frozen=True)
class Candidate:
    """Slices of one series with one orientation, matrix, pixel size and kernel.

    Attributes:
        left_out: sentences about slices of the series that do not belong to the stack.
        objection: why the series cannot be a head CT volume at all; None when it can.
    """

    series: Series
    slices: tuple[Slice, ...]
    left_out: tuple[str, ...] = ()
    objection: str | None = None

    @property
    def axial(self) -> bool:
        return self.slices[0].orientation is None or abs(_normal(self.slices[0])[2]) >= AXIAL_COSINE

    @property
    def kernel(self) -> str | None:
        return self.slices[0].kernel

    @property
    def original(self) -> bool:
        kind = self.slices[0].image_type
        return (not kind or kind[0] == "ORIGINAL") and not _PROCESSED & set(kind)


def choose(series: Sequence[Series], name: str, asked: str | None) -> tuple[Candidate, str, tuple[str, ...]]:
    """The candidate to assess, one sentence why, and one line for every series considered.

    Args:
        name: of the file or folder, for messages.
        asked: SeriesInstanceUID or a unique ending of one; None to choose the most suitable.

    Raises:
        InputError: no series is a CT volume, or `asked` fits none or several.
    """
    candidates = [_candidate(s) for s in series]
    suffixes = _suffixes([s.uid for s in series])
    considered = tuple(
        f"{suffix}: {c.series.description or 'no description'}, {counted(len(c.series.slices), 'slice')}, kernel {c.kernel if c.slices and c.kernel else 'unknown'}"
        + (f" ({c.objection})" if c.objection else "")
        for suffix, c in sorted(zip(suffixes, candidates, strict=True), key=lambda pair: pair[1].series.number)
    )
    if asked is not None:
        chosen = _asked_for(candidates, name, asked, considered)
        return chosen, "asked for", considered
    usable = [c for c in candidates if c.objection is None]
    if not usable:
        raise InputError(_nothing_usable(candidates, name))
    best = max(usable, key=_suitability)
    return best, _because(best, len(candidates)), considered


def _asked_for(candidates: list[Candidate], name: str, asked: str, considered: tuple[str, ...]) -> Candidate:
    wanted = asked.strip()
    exact = [c for c in candidates if c.series.uid == wanted]
    fitting = exact or [c for c in candidates if wanted and c.series.uid.endswith(wanted)]
    if len(fitting) != 1:
        problem = "fits no series" if not fitting else f"fits {len(fitting)} series"
        raise InputError(f"{name}: --series {asked} {problem}; give the UID or a unique ending of one of: {'; '.join(considered)}.")
    if fitting[0].objection:
        raise InputError(f"{name}: series {asked} cannot be assessed ({fitting[0].objection}); choose another one.")
    return fitting[0]


def _candidate(series: Series) -> Candidate:
    """The largest consistent stack of a series."""
    objection = _objection(series)
    images = [s for s in series.slices if not {"LOCALIZER", "SCOUT"} & set(s.image_type)]
    if objection or not images:
        return Candidate(series, tuple(series.slices), objection=objection or ("localizer" if series.slices else "no images"))
    missing = Counter(tag for s in images for tag in _missing_tags(s))
    placed = [s for s in images if not _missing_tags(s)]
    if not placed:
        tags = " and ".join(sorted(missing))
        return Candidate(series, tuple(images), objection=f"{tags} missing in every image")
    groups = _stacks(placed)
    largest = max(map(len, groups))
    # Two kernels under one series UID: of stacks about equally large the one that is not sharp.
    stack = max(groups, key=lambda g: (len(g) >= 0.8 * largest, is_sharp(g[0].kernel) is not True, len(g)))
    notes = []
    if len(images) > len(placed):
        notes.append(f"Left out: {counted(len(images) - len(placed), 'image')} without position or pixel size.")
    if len(placed) > len(stack):
        notes.append(
            f"Left out: {len(placed) - len(stack)} of {counted(len(placed), 'image')} of the series with another matrix size, "
            "orientation, pixel size or kernel."
        )
    stack = sorted(stack, key=lambda s: (s.order, s.instance_uid, str(s.path)))
    return Candidate(series, tuple(stack), tuple(notes))


def _objection(series: Series) -> str | None:
    if series.modality != "CT":
        return f"modality {series.modality}, not CT"
    if series.sop_class != CT_IMAGE and series.sop_class not in ENHANCED_CT:
        return "secondary capture or report, not CT images"
    return None if series.grey else "colour images, not CT values"


def _missing_tags(s: Slice) -> list[str]:
    tags = {"ImagePositionPatient": s.position, "ImageOrientationPatient": s.orientation, "PixelSpacing": s.spacing}
    missing = [name for name, value in tags.items() if value is None]
    if s.spacing is not None and min(s.spacing) <= 0:
        missing.append("PixelSpacing")
    if s.orientation is not None and not np.linalg.norm(np.cross(s.orientation[:3], s.orientation[3:])) > 0.5:
        missing.append("ImageOrientationPatient")
    return missing


def _stacks(slices: list[Slice]) -> list[list[Slice]]:
    """Groups of one matrix, kernel, pixel size and orientation; the latter two with tolerance, for headers jitter."""
    groups: list[list[Slice]] = []
    for s in slices:
        for group in groups:
            if _same_stack(group[0], s):
                group.append(s)
                break
        else:
            groups.append([s])
    return groups


def _same_stack(a: Slice, b: Slice) -> bool:
    same_plane = np.allclose(a.orientation or 0, b.orientation or 0, atol=0.005)
    return (a.rows, a.columns, a.kernel) == (b.rows, b.columns, b.kernel) and same_plane and np.allclose(a.spacing or 0, b.spacing or 0, rtol=1e-3)


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 slice``, ``2 slices``."""
    return f"{count} {one}" if count == 1 else f"{count} {many or one + 's'}"


def _normal(s: Slice) -> np.ndarray:
    assert s.orientation is not None
    return np.cross(s.orientation[:3], s.orientation[3:])


def _extent_mm(c: Candidate) -> float:
    positions = [float(np.dot(s.position or (0, 0, 0), _normal(s))) for s in c.slices]
    return max(positions) - min(positions)


def _suitability(c: Candidate) -> tuple[object, ...]:
    """Larger is better; the first difference decides."""
    part = c.series.body_part + " " + c.series.description.upper()
    head, other = (any(word in part for word in words) for words in (_HEAD_PARTS, _OTHER_PARTS))
    sharp = is_sharp(c.kernel)
    thickness = c.slices[0].thickness
    return (
        MIN_SLICES <= len(c.slices) <= MAX_SLICES and _extent_mm(c) >= 80,
        MIN_SLICES <= len(c.slices) <= MAX_SLICES,
        c.axial,
        head or not other,
        c.original,
        {False: 2, None: 1, True: 0}[sharp],
        not c.series.contrast,
        head,
        thickness is None or 1.0 <= thickness <= 6.0,
        round(_extent_mm(c) / 20),
        len(c.slices),
        -c.series.number,
        c.series.uid,
    )


def _because(c: Candidate, count: int) -> str:
    if count == 1:
        return "the only series"
    thickness = c.slices[0].thickness
    parts = [
        "axial" if c.axial else "no axial series present",
        f"{sharpness_word(c.kernel)} kernel {c.kernel}" if c.kernel else "kernel unknown",
        "original" if c.original else "derived",
        counted(len(c.slices), "slice") + (f" of {thickness:g} mm" if thickness else ""),
    ]
    return f"most suitable of {count} series: {', '.join(parts)}"


def _nothing_usable(candidates: list[Candidate], name: str) -> str:
    reasons = sorted({c.objection or "" for c in candidates})
    return f"{name} holds no CT image series ({'; '.join(reasons)}); give the folder of an axial head CT."


def _suffixes(uids: list[str]) -> list[str]:
    """The shortest endings (8 characters or more) that tell the UIDs apart."""
    length = 8
    while length < 64 and len({u[-length:] for u in uids}) < len(set(uids)):
        length += 1
    return [u[-length:] for u in uids]

