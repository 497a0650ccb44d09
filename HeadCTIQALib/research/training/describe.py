"""What a bundle says of its network: how it is built, what it is for, what it takes and gives."""

from __future__ import annotations

from typing import Any

from HeadCTIQALib.networks.artefact_grid import PIXEL_MM, SIDE
from HeadCTIQALib.networks.bundles import open_bundle
from HeadCTIQALib.networks.landmarks import CHANNELS, PATCH, PATCH_MM
from HeadCTIQALib.networks.nets import fluid as fluid_net
from HeadCTIQALib.networks.nets import objects as object_net

from . import anatomy, fluid, landmarks, objects

COMMON = {
    "version": "0.1.0",
    "license": "Apache-2.0",
    "authors": "HeadCTIQA contributors",
    "copyright": "HeadCTIQA contributors",
}
INTENDED = "image quality assessment of adult head CT; research use only, not a medical device"
SOURCE = "see heads and docs/README.md"
UNKNOWN = "Accuracy on a site's own population is unknown until the site has measured it. No paediatric heads. "


def definition_of(network: str) -> dict[str, Any]:
    """ "_target_" and arguments of a network, as configs/inference.json has them."""
    nets = "HeadCTIQALib.networks.nets"
    if network == "anatomy":
        return {"_target_": f"{nets}.anatomy.AnatomyNet", "filters": list(anatomy.FILTERS)}
    if network == "landmarks":
        return {
            "_target_": f"{nets}.landmarks.LandmarkNet",
            "landmarks": len(CHANNELS),
            "filters": list(landmarks.FILTERS),
        }
    channels, filters = (
        (fluid_net.CHANNELS, fluid.FILTERS) if network == "fluid" else (object_net.CHANNELS, objects.FILTERS)
    )
    return {"_target_": f"{nets}.slices.SliceNet", "channels": len(channels), "filters": list(filters)}


def metadata_of(network: str) -> dict[str, Any]:
    """What a bundle's metadata says whatever it was trained on."""
    if network == "anatomy":
        kept = ("name", "task", "intended_use", "network_data_format", "template_landmarks")
        own: dict[str, Any] = {k: v for k, v in open_bundle("anatomy").metadata.items() if k in kept}
    else:
        own = {"landmarks": _landmarks, "fluid": _fluid, "objects": _objects}[network]()
    return {**COMMON, **own, "data_source": SOURCE}


def _landmarks() -> dict[str, Any]:
    return {
        "name": "headctiqa-landmarks",
        "task": "landmarks of a head CT, read in patches of 2 mm voxels about where the anatomy network expects them",
        "intended_use": f"landmarks for {INTENDED}",
        "network": "MONAI DynUNet, filters 32-64-96, between a space-to-depth stem and a depth-to-space head; 1.1 million weights, shared by all landmarks; patches of the left side are mirrored",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "num_channels": 3,
                    "spatial_shape": [PATCH] * 3,
                    "spacing_mm": PATCH_MM,
                    "channel_def": {"0": "soft tissue window", "1": "bone window", "2": "imaged"},
                }
            },
            "outputs": {
                "pred": {
                    "num_channels": len(CHANNELS),
                    "channel_def": "heatmap logits of " + ", ".join(CHANNELS) + '; "not in this patch" has the logit 0',
                }
            },
        },
        "channels": list(CHANNELS),
    }


def _fluid() -> dict[str, Any]:
    return {
        "name": "headctiqa-fluid",
        "task": "which voxels inside the skull are mostly cerebrospinal fluid, in native slices with those below and above them",
        "intended_use": f"fluid spaces and the tissue that they leave, for {INTENDED}",
        "network": _network(fluid.FILTERS),
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "num_channels": len(fluid_net.CHANNELS),
                    "pixel_mm": "about 1",
                    "channel_def": _numbered(fluid_net.CHANNELS),
                }
            },
            "outputs": {"pred": {"num_channels": 1, "channel_def": "logit of fluid"}},
        },
        "data_note": "Every simulated scan went through the anatomy network and the refinement, so that the outline of the brain, the prior and the HU levels err as they do in use.",
        "limits": UNKNOWN
        + "Truth is simulated: sulci, cisterns and ventricles drawn from formulas. It looks only where the refinement finds the inside of the skull, and can be no better than that outline.",
    }


def _objects() -> dict[str, Any]:
    return {
        "name": "headctiqa-objects",
        "task": "removable foreign objects on and around the head (ear-rings, hair clips, spectacles, electrodes, tubes), in native slices with those below and above them",
        "intended_use": f"foreign objects for {INTENDED}",
        "network": _network(objects.FILTERS),
        "network_data_format": {
            "inputs": {"image": {"type": "image", "num_channels": len(object_net.CHANNELS), "spatial_shape": [SIDE, SIDE], "pixel_mm": list(PIXEL_MM), "channel_def": _numbered(object_net.CHANNELS)}},
            "outputs": {"pred": {"num_channels": 1, "channel_def": "logit of a removable object"}},
        },
        "data_note": "Over the slices of all of them rods, knobs, rings and wires of 150 to 4000 HU, which are objects, and parts of holders and cloth, which are not, were painted at random. "
        "Nothing that the planning CTs show themselves counts as an object; every third of them and the Visible Human are kept to evaluate on.",
        "limits": UNKNOWN + "Objects are simulated or painted, those of real scans few. Dressings, thick hair, drains and parts of holders unlike those seen can pass for objects; what lies inside the body is none.",
    }  # fmt: skip


def _network(filters: tuple[int, ...]) -> str:
    return f"2-D U-Net of MONAI blocks (batch normalisation), filters {'-'.join(map(str, filters))} from 2 mm on, between a space-to-depth stem and a depth-to-space head"


def _numbered(channels: tuple[str, ...]) -> dict[str, str]:
    return {str(n): name for n, name in enumerate(channels)}
