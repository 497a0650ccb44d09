"""Stands in for the networks where a test is about what happens around them.

As a program (``python assessment_stand_in.py CHARGES ARGUMENTS...``) it runs the command line with that stand-in;
CHARGES is a comma-separated list of what shall go wrong, see :func:`main`.
"""

import errno
import sys
import time
from pathlib import Path

import numpy as np

from HeadCTIQALib.findings import Findings, Landmark, Plane, Tissue

MODELS = ({"name": "stand-in", "version": "1", "data_source": "nothing", "license": "Apache-2.0", "sha256": "0" * 64},)


def find(volume, device="auto", progress=None, engine="auto"):
    """Findings of the simulated ellipsoid head of conftest: exact masks by geometry, landmarks at plausible places."""
    for fraction in (0.0, 0.5, 1.0):
        if progress:
            progress("Looking at the anatomy", fraction)
    k, j, i = volume.shape
    index = np.stack(np.meshgrid(np.arange(k), np.arange(j), np.arange(i), indexing="ij"), -1)[..., ::-1]
    points = volume.ijk_to_ras(index.reshape(-1, 3).astype(float)).reshape(k, j, i, 3)
    tissue = np.zeros(volume.shape, np.uint8)
    for axes, label in (
        ((76, 96, 104), Tissue.SOFT), ((71, 91, 99), Tissue.BONE), ((64, 84, 92), Tissue.GREY),
        ((58, 78, 86), Tissue.WHITE), ((24, 36, 26), Tissue.DEEP_GREY), ((14, 26, 16), Tissue.CSF),
    ):  # fmt: skip
        tissue[((points / np.array(axes)) ** 2).sum(-1) < 1] = label
    landmarks = {
        "EAM_R": Landmark((52.0, -2.0, -30.0), 0.9, spread_mm=1.5), "EAM_L": Landmark((-52.0, -2.0, -30.0), 0.9),
        "CANTHUS_R": Landmark((45.0, 70.0, -24.0), 0.8), "CANTHUS_L": Landmark((-45.0, 70.0, -24.0), 0.8),
        "BASION": Landmark((0.0, 5.0, -70.0), 0.9), "OPISTHION": Landmark((0.0, -30.0, -74.0), 0.9),
        "VERTEX": Landmark((0.0, 0.0, 104.0), 1.0, bool(volume.slice_positions[-1] > 104), "analytic"),
    }  # fmt: skip
    return Findings(
        tissue,
        landmarks=landmarks,
        midsagittal=Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 0.95),
        streak=np.zeros(volume.shape, bool),
        motion_grades=np.zeros(k, np.int8),
        motion_index=np.linspace(0.5, 1.5, k),
        methods={"tissue": "stand-in 1"},
        notes=("A stand-in looked at this scan.",),
    )


def install(setattr_, finder=find):
    """Put the stand-in in the place of the networks; ``setattr_`` is ``setattr`` or ``monkeypatch.setattr``."""
    from HeadCTIQALib import networks

    setattr_(networks, "find", finder)
    setattr_(networks, "warm_up", lambda *_: None)
    setattr_(networks, "models_used", lambda *_: MODELS)


def main() -> int:
    """Run the command line; charges: "bug" (the networks fail), "model" (they are damaged), "slow" (they take long
    enough to be interrupted), "full" (the disk is full when the segmentation is written), "slowwrite"
    (the report takes long while the masks are written beside it); "report" draws the real report, which is left out otherwise because it takes seconds."""
    from HeadCTIQALib import cli, errors, report
    from HeadCTIQALib.findings import segmentation

    charges = sys.argv[1].split(",")

    def charged(volume, device="auto", progress=None, engine="auto"):
        if "bug" in charges:
            raise KeyError("a bug")
        if "model" in charges:
            raise errors.ModelError("The model is damaged; reinstall it.")
        if "slow" in charges:
            print("waiting", flush=True)
            time.sleep(30)
        return find(volume, device, progress)

    def charged_report(record, volume, findings):
        if "slowwrite" in charges:
            print("waiting", flush=True)
            time.sleep(30)
        return "<html></html>"

    install(setattr, charged)
    if "report" not in charges:
        report.render = charged_report
    write = segmentation.write_segmentation

    def charged_write(path, *more):
        if "full" in charges:
            Path(path).write_bytes(b"part of a file")
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, *more)

    segmentation.write_segmentation = charged_write
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    raise SystemExit(main())
