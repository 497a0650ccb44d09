"""Which scans a study simulates: the reference paper's numbers (307 scans split 246/61, 262 external), or few."""

from __future__ import annotations

from dataclasses import dataclass

from HeadCTIQALib.synthesis import EXTERNAL, INTERNAL, STUDY_SEEDS, Population


@dataclass(frozen=True)
class Centre:
    """Scans of one population; ``internal`` ones are split into calibration and test."""

    name: str
    population: Population
    scans: int


@dataclass(frozen=True)
class Design:
    """A study.

    Attributes:
        centres: the internal one first.
        test: how many internal scans are kept apart from the fit.
        readers: how many simulated readers.
        matrix: rows and columns of every slice.
        seed: of the readers and of the split; the scans have the seeds of :data:`HeadCTIQALib.synthesis.STUDY_SEEDS`.
    """

    name: str
    centres: tuple[Centre, ...]
    test: int
    readers: int = 5
    matrix: int = 256
    seed: int = 2026

    @property
    def scans(self) -> tuple[tuple[Centre, str, int], ...]:
        """(centre, scan name, seed) of every scan; a scan keeps its seed, and so its head, whatever the preset."""
        found = []
        for k, centre in enumerate(self.centres):
            first = STUDY_SEEDS.start + 1000 * k
            found += [(centre, f"{centre.name}-{n + 1:03d}", first + n) for n in range(centre.scans)]
        return tuple(found)


def _design(name: str, internal: int, test: int, external: tuple[int, int, int], matrix: int = 256) -> Design:
    outside = (Centre(p.name, p, n) for p, n in zip(EXTERNAL, external, strict=True))
    return Design(name, (Centre(INTERNAL.name, INTERNAL, internal), *outside), test, matrix=matrix)


PRESETS: dict[str, Design] = {
    "small": _design("small", 12, 3, (1, 1, 1)),
    "full": _design(
        "full", 307, 61, (88, 87, 87), matrix=512
    ),  # as scanners make them; accuracy hardly depends on it, time does
}
