"""Entering reader scores one scan at a time: one file a reader, which no other reader's entry can ever touch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.record import Record
from HeadCTIQALib.scoring.calibration import SCORES

from .readers import ReaderValue, plain, read_readers, write_readers
from .scales import HUNDRED
from .scan_keys import without_ending

_SCANS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")


@dataclass(frozen=True)
class ReaderFile:
    """The scores of one reader in one folder.

    Attributes:
        folder: where the files of all readers lie.
        reader: id of this one.

    Raises:
        InputError: the id is empty.
    """

    folder: Path
    reader: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", plain(self.reader))
        if not self.reader:
            raise InputError("Enter your reader id first; every reader has a file of their own.")

    @property
    def path(self) -> Path:
        """The reader's file; ids that differ have files that differ, on every system."""
        name = re.sub(r"[^a-z0-9-]+", "_", self.reader.lower()).strip("_") or "reader"
        if name != self.reader:  # e.g. "A B" and "a_b", or "AB" and "ab" where case does not count
            name += "-" + hashlib.sha256(self.reader.encode()).hexdigest()[:8]
        return self.folder / f"readers-{name}.csv"

    def values(self) -> tuple[ReaderValue, ...]:
        """Everything in the file; empty when there is none yet.

        Raises:
            InputError: the file is damaged, or belongs to somebody else.
        """
        if not self.path.exists():
            return ()
        values = read_readers(self.path, scale=HUNDRED).values  # one scan that is poor says nothing of the scale
        others = sorted({v.reader for v in values} - {self.reader})
        if others:
            raise InputError(
                f"The file {self.path.name} holds scores of {', '.join(others)}, not only of {self.reader}; choose another folder."
            )
        return values

    def scores(self, *scan: str) -> dict[str, float | None]:
        """Category id or "overall" to the score entered for a scan; None where the reader could not judge.

        Args:
            scan: its keys, of which the first that has scores counts.
        """
        values = [v for v in self.values() if v.target in SCORES]
        found = ({v.target: v.value for v in values if v.scan == plain(key)} for key in scan)
        return next((scores for scores in found if scores), {})

    def save(self, scan: str, scores: Mapping[str, float | None], earlier: Sequence[str] = ()) -> Path:
        """Keep the scores of one scan in place of earlier ones of the same scan; returns the file.

        Args:
            earlier: other keys that the scan was filed under.

        Raises:
            InputError: a score out of 0..100, an unknown target, or a file of somebody else.
            OutputError: the file cannot be written.
        """
        if not scores:
            raise InputError("Enter at least one score; a score that cannot be given stays empty.")
        keys = {plain(key) for key in (scan, *earlier)}
        kept = [v for v in self.values() if not (v.scan in keys and v.target in SCORES)]
        write_readers(
            self.path, [*kept, *(ReaderValue(scan, self.reader, target, value) for target, value in scores.items())]
        )
        return self.path

    def scored(self) -> frozenset[str]:
        """Scans that have an overall score, or were said to be impossible to judge."""
        return frozenset(v.scan for v in self.values() if v.target == "overall")


def scan_keys(path: Path | None, record: Record | None) -> tuple[str, ...]:
    """How reader files name a scan: by the digits of its checksum once it is assessed, and by its file or folder in a work list.

    The first is what scores are filed under; the others are where they may lie from earlier.

    Raises:
        InputError: there is neither.
    """
    keys = [record.input.sha256[:16]] if record is not None and record.input.sha256 else []
    keys += [without_ending(plain(path.name))] if path is not None else []
    if not keys:
        raise InputError(
            "The scan has no name that reader scores can be filed under; assess it, or open it from a folder."
        )
    return tuple(keys)


def scan_key(path: Path | None, record: Record | None) -> str:
    """What new scores of a scan are filed under: the first of :func:`scan_keys`."""
    return scan_keys(path, record)[0]


def list_scans(folder: Path) -> tuple[Path, ...]:
    """The scans in a folder, in alphabetical order: image files, and folders (DICOM series or assessments).

    Raises:
        InputError: no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"The folder {folder} does not exist; choose the folder of the scans to score.")
    found = [
        p for p in sorted(folder.iterdir(), key=lambda p: p.name.lower()) if not p.name.startswith(".") and _is_scan(p)
    ]
    if not found:
        raise InputError(
            f"The folder {folder} holds no scans; choose a folder of image files, DICOM folders or assessments."
        )
    return tuple(found)


def _is_scan(path: Path) -> bool:
    if path.is_file():
        return path.name.lower().endswith(_SCANS) and not path.name.lower().endswith(".seg.nrrd")
    return any(p.is_file() for p in path.iterdir())


def resume_at(scans: Sequence[Sequence[str]], scored: frozenset[str]) -> int:
    """Index of the first scan without a score under any of its keys; the first of all when every scan has one."""
    return next((n for n, keys in enumerate(scans) if scored.isdisjoint(keys)), 0)
