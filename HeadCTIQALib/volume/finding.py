"""Which scans lie below a folder, however it is arranged: by headers alone, no voxels are read."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .archive import Location, archived
from .candidates import Candidate
from .choice import candidates_in, is_of_other_part, suitability
from .grouping import MIN_SLICES
from .headers import Scan, scan_files
from .images import image_kind
from .kernels import sharpness_word
from .vocabulary import words

_LOT = 20_000  # files whose headers are held in memory together; a series may be spread over folders of one lot
_OURS = "assessment.json"  # results of ours among the scans are no scans
_NO_SCAN = (".seg.nrrd",)


@dataclass(frozen=True)
class FoundScan:
    """A series that may be a head CT, and what its headers say; nothing in it names the patient but ``path`` and ``files``.

    Attributes:
        path: the folder above all its files, the image, or the archive.
        files: the DICOM files below the folder; empty: the path itself is the file.
        series: what :func:`~HeadCTIQALib.volume.read` knows it by in an archive, None elsewhere.
        study: the same for all scans of one examination; empty where nothing tells.
        rank: larger is more suitable among the scans of a study, see :mod:`.choice`.
        kernel: "soft", "sharp" or "unclassified".
        kernel_name, thickness_mm, contrast: as the header says, None where it does not.
        description: known words of the series description.
        slices: how many; 0 for an image file.
        fingerprint: hexadecimal SHA-256 of names, sizes and times of its files: the same when they lie elsewhere.
        changed: when the last of its files was written, moved or renamed here, in seconds since 1970.
    """

    path: Path
    files: tuple[Path, ...]
    series: str | None
    study: str
    rank: tuple[object, ...]
    kernel: str
    kernel_name: str | None
    thickness_mm: float | None
    contrast: bool | None
    description: str
    slices: int
    fingerprint: str
    changed: float = 0.0


@dataclass(frozen=True)
class SetAside:
    """A series or file that is no axial head CT by its headers, or cannot be read; ``reason`` in a few words."""

    path: Path
    reason: str


def find_scans(root: Path, progress: Callable[[float], None] | None = None) -> Iterator[FoundScan | SetAside]:
    """Every scan in a folder of any depth, an archive or an image, in a stable order.

    Series are told apart by their headers, whatever the folders are called, and put together again where an export
    spread them over several folders.  Links to folders are not followed, hidden entries and results of ours left out.

    Raises:
        InputError: ``root`` does not exist or cannot be listed.
    """
    if not root.is_dir():
        if not root.is_file():
            raise InputError(f"The input {root} does not exist; give folders, archives or images.")
        yield from _in_folders({root.parent: [root]})
        return
    tree = _tree(root)
    total = sum(map(len, tree.values())) or 1
    done = 0
    for lot in _lots(root, tree):
        yield from _in_folders({folder: tree[folder] for folder in lot})
        done += sum(len(tree[folder]) for folder in lot)
        if progress:
            progress(done / total)


def _tree(root: Path) -> dict[Path, list[Path]]:
    """The regular files of every folder, in order."""

    def refuse(error: OSError) -> None:
        if error.filename == str(root):
            raise InputError(f"The folder {root} cannot be read ({error.strerror}); check its permissions.") from error

    tree = {}
    for place, folders, files in os.walk(root, onerror=refuse):
        if _OURS in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(place, name) for name in sorted(files) if not name.startswith("."))
        tree[Path(place)] = [path for path in paths if path.is_file()]  # not a pipe, device or broken link
    return tree


def _lots(folder: Path, tree: dict[Path, list[Path]]) -> Iterator[list[Path]]:
    """Folders by the lot: a folder with all below it, split where that is more than can be held at once."""
    below: dict[Path, list[Path]] = defaultdict(list)
    count: dict[Path, int] = defaultdict(int)
    for path, files in tree.items():
        below[path.parent].append(path)
        for above in (path, *path.parents):
            count[above] += len(files)
            if above == folder:
                break

    def split(place: Path) -> Iterator[list[Path]]:
        if count[place] <= _LOT:
            yield [p for p in tree if p == place or place in p.parents]
            return
        yield [place]
        for path in below[place]:
            yield from split(path)

    yield from split(folder)


def _in_folders(tree: dict[Path, list[Path]]) -> Iterator[FoundScan | SetAside]:
    scans: dict[Path, Scan] = {}
    for folder, files in tree.items():
        images = [p for p in files if image_kind(p) and not p.name.lower().endswith(_NO_SCAN)]
        archives = [p for p in files if p.suffix.lower() == ".zip"]
        yield from map(_image, images)
        for archive in archives:
            yield from _in_archive(archive)
        rest = [p for p in files if p not in set(images) | set(archives)]
        if rest:
            scans[folder] = scan_files(rest)
    for group in _joined(scans):
        scan = _together([scans[folder] for folder in group])
        above = Path(os.path.commonpath(group))
        for found in _in_scan(scan, above):
            yield found if isinstance(found, SetAside) else _of_files(found, scan, above)


def _joined(scans: dict[Path, Scan]) -> list[list[Path]]:
    """Folders by groups that share a series of a patient; identifiers that anonymisers removed join nothing."""
    group = {folder: folder for folder in scans}

    def top(folder: Path) -> Path:
        while group[folder] != folder:
            folder = group[folder]
        return folder

    first: dict[tuple[object, ...], Path] = {}
    for folder, scan in scans.items():
        for context in {s.context for s in scan.images if s.context.series_uid}:
            key = (context.series_uid, context.patient, context.study)
            group[top(folder)] = top(first.setdefault(key, folder))
    members: dict[Path, list[Path]] = defaultdict(list)
    for folder in scans:
        members[top(folder)].append(folder)
    return list(members.values())


def _together(scans: Sequence[Scan]) -> Scan:
    if len(scans) == 1:
        return scans[0]
    whole = Scan()
    for scan in scans:
        whole.images += scan.images
        whole.damaged |= scan.damaged
        whole.headers |= scan.headers
        whole.not_dicom += scan.not_dicom
    return whole


def _in_scan(scan: Scan, where: Path) -> Iterator[Candidate | SetAside]:
    """What can be assessed of a first pass, and why the rest cannot."""
    if not scan.images:
        if scan.damaged:
            yield SetAside(where, "damaged DICOM files")
        return
    for c in candidates_in(scan.images)[1]:
        reason = (
            c.objection
            or (f"fewer than {MIN_SLICES} slices" if len(c.slices) < MIN_SLICES else "")
            or ("" if c.axial else "not axial")
            or ("another part of the body" if is_of_other_part(c) else "")
        )
        yield SetAside(where, reason) if reason else c


def _of_files(c: Candidate, scan: Scan, above: Path) -> FoundScan:
    """A candidate with its files, and those beside them that may have been slices of it once."""
    own = [s.path for s in (*c.slices, *c.aside) if isinstance(s.path, Path)]
    places = {p.parent for p in own}
    lost = [p for p in (*scan.damaged, *scan.not_dicom) if isinstance(p, Path) and p.parent in places]
    files = tuple(dict.fromkeys(sorted(own) + sorted(lost)))
    return _found(c, above if len(places) > 1 else next(iter(places)), files, None, *_fingerprint(sorted(set(own))))


def _in_archive(path: Path) -> Iterator[FoundScan | SetAside]:
    try:
        with archived(path) as members:
            locations: list[Location] = list(members)
            scan = scan_files(locations)
            found = list(_in_scan(scan, path))
            images = [m for m in members if image_kind(m)]
    except InputError:
        yield SetAside(path, "damaged or protected archive")
        return
    if not scan.images and not scan.damaged and len(images) == 1:
        yield _image(path)
    for c in found:
        yield c if isinstance(c, SetAside) else _found(c, path, (), c.label, *_fingerprint([path], c.label))


def _image(path: Path) -> FoundScan:
    return FoundScan(path, (), None, "", (), "unclassified", None, None, None, "", 0, *_fingerprint([path]))


def _found(
    c: Candidate, path: Path, files: tuple[Path, ...], series: str | None, fingerprint: str, changed: float
) -> FoundScan:
    first, context, identity = c.slices[0], c.series.context, c.series.identity
    study = "\n".join((*identity.patient, *identity.study))
    return FoundScan(
        path=path,
        files=files,
        series=series,
        study=hashlib.sha256(study.encode()).hexdigest() if any(identity.study) else "",
        rank=suitability(c),
        kernel=sharpness_word(first.kernel),
        kernel_name=c.kernel,
        thickness_mm=first.thickness,
        contrast=context.contrast,
        description=words(context.description),
        slices=len(c.slices),
        fingerprint=fingerprint,
        changed=changed,
    )


def _fingerprint(files: Iterable[Path], series: str = "") -> tuple[str, float]:
    """The fingerprint of some files, and when the last of them came to be as it is."""
    digest, changed = hashlib.sha256(series.encode()), 0.0
    for path in files:
        try:
            status = path.stat()
        except OSError:  # gone meanwhile: reading it will tell
            continue
        changed = max(changed, status.st_ctime, status.st_mtime)
        digest.update(f"\n{path.name}\t{status.st_size}\t{status.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest(), changed
