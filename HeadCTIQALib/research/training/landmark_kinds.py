"""Mean places of landmarks in template mm for each kind of heads, in the shipped anatomy network's own coordinates.

    python -m HeadCTIQALib.research.training.landmark_kinds FOLDER HEAD [HEAD ...]

FOLDER holds the planning CTs, HEAD is the name of one that the networks were trained on.  Writes "landmark_kinds" into the
metadata of the shipped anatomy bundle: estimates of landmarks that were not seen start from them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from HeadCTIQALib.findings.types import CONFIDENT
from HeadCTIQALib.networks import load_networks
from HeadCTIQALib.networks.anatomy import ANATOMY, coarse_anatomy
from HeadCTIQALib.networks.bundles import METADATA, open_bundle, seal
from HeadCTIQALib.networks.channels import LANDMARKS
from HeadCTIQALib.networks.landmarks import KINDS, fine_landmarks
from HeadCTIQALib.networks.types import Vector
from HeadCTIQALib.research.validation.output import scans_in
from HeadCTIQALib.synthesis import TRAINING_SEEDS, random_scene, simulate
from HeadCTIQALib.volume import read

SIMULATED = range(5000, 5012)  # of the training seeds
MATRIX = 160


def mean_places(heads: Iterable[tuple[Vector, Mapping[str, Vector]]]) -> dict[str, list[float]]:
    """Landmark to template mm, the mean over heads of (pose, landmarks in RAS mm)."""
    seen: dict[str, list[Vector]] = {n: [] for n in LANDMARKS}
    for pose, marks in heads:
        back = np.linalg.inv(pose)
        for name in seen:
            if name in marks:
                seen[name].append(back[:3, :3] @ marks[name] + back[:3, 3])
    return {n: [round(float(x), 2) for x in np.mean(p, axis=0)] for n, p in seen.items()}


def main() -> None:
    """The command above."""
    infer, real, simulated = load_networks("cpu"), [], []
    for path in scans_in(Path(sys.argv[1]), sys.argv[2:]).values():
        volume = read(path)
        coarse = coarse_anatomy(volume, infer)
        found = fine_landmarks(volume, coarse, infer)
        real.append(
            (coarse.pose, {n: np.array(m.position) for n, m in found.items() if m.in_scan and m.confidence > CONFIDENT})
        )
    for n in SIMULATED:
        scan = simulate(TRAINING_SEEDS[n], scene=random_scene(TRAINING_SEEDS[n], matrix=MATRIX))
        marks = {name: np.array(m.position) for name, m in scan.findings.landmarks.items() if m.in_scan}
        simulated.append((coarse_anatomy(scan.volume, infer).pose, marks))
    folder = open_bundle(ANATOMY).folder
    metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    metadata[KINDS] = {"planning CTs": mean_places(real), "simulated heads": mean_places(simulated)}
    (folder / METADATA).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
    seal(folder)


if __name__ == "__main__":
    main()
