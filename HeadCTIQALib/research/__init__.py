"""How the networks were made and how right the measurements are; only the commands that run it import it, when they run.

    training/     how the networks were made, and how a site makes them anew or fine-tunes them
    validation/   accuracy on simulated heads with exact truth, and on real scans degraded by known amounts
    study/        the evaluation protocol rerun on simulated scans with simulated readers

The extension of 3D Slicer ships without it.
"""
