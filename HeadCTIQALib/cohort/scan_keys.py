"""How reader tables name scans: by folder, path, file or checksum; and which assessment each name means."""

from __future__ import annotations

import re
from collections.abc import Mapping

from HeadCTIQALib.errors import InputError

from .reader_values import ReaderTable, plain

_ENDINGS = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".mhd", ".dcm", ".zip")
_FEWEST_DIGITS = 12  # of a SHA-256 that stands for a scan


def without_ending(name: str) -> str:
    """A file name without the ending of an image."""
    return next((name[: -len(end)] for end in _ENDINGS if name.lower().endswith(end) and len(name) > len(end)), name)


def match_scans(table: ReaderTable, shas: Mapping[str, str | None]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Which assessment every scan key means: the folder's name, a path that ends in it, in any case, or its SHA-256.

    Args:
        shas: folder name of every assessment to the SHA-256 in its record, or None.

    Returns:
        Scan key to folder name, and the keys that mean none of the folders.

    Raises:
        InputError: a SHA-256 prefix that fits two folders, or two paths that end in the same folder name.
    """
    exact = {plain(name): name for name in shas}
    loose: dict[str, list[str]] = {}
    for name in shas:
        loose.setdefault(_loose(plain(name)), []).append(name)
    names: dict[str, str] = {}
    for scan in table.scans:
        last = _parts(scan)[-1]
        similar = loose.get(_loose(last), [])
        found = exact.get(scan) or exact.get(last) or _by_sha(scan, shas) or (similar[0] if len(similar) == 1 else None)
        if found is not None:
            names[scan] = found
    _refuse_two_paths(names)
    return names, tuple(s for s in table.scans if s not in names)


def _parts(scan: str) -> list[str]:
    """The folders of a path and the name at its end, without the ending of an image."""
    *above, last = [p for p in re.split(r"[\\/]+", scan) if p] or [scan]
    return [*above, without_ending(last)]


def _loose(name: str) -> str:
    """A name as spreadsheets and file systems may have changed it: in small letters, numbers without zeros in front."""
    return str(int(name)) if name.isdecimal() and len(name) < 19 else name.casefold()


def _by_sha(scan: str, shas: Mapping[str, str | None]) -> str | None:
    if len(scan) < _FEWEST_DIGITS or any(c not in "0123456789abcdef" for c in scan.lower()):
        return None
    fitting = [name for name, sha in shas.items() if sha and sha.startswith(scan.lower())]
    if len(fitting) > 1:
        raise InputError(
            f"The scan {scan} of the reader table fits the folders {', '.join(sorted(fitting))}; use folder names instead."
        )
    return fitting[0] if fitting else None


def _refuse_two_paths(names: Mapping[str, str]) -> None:
    """Two paths may stand for one folder only if one of them is the end of the other: a/CT and b/CT are two scans."""
    longest: dict[str, list[str]] = {}
    for scan in sorted(names, key=lambda s: len(_parts(s))):
        above = _parts(scan)[:-1]
        before = longest.get(names[scan], [])
        if before and above[-len(before) :] != before:
            raise InputError(
                f"The reader table has two scans for the folder {names[scan]} ({'/'.join(before)} and {'/'.join(above)}); name scans by their folders."
            )
        longest[names[scan]] = above
