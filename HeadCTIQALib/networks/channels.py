"""What the channels of the anatomy network mean; without torch, for those who read its output."""

#: Landmarks that have a heatmap, in channel order.  The right-left pairs come first.
LANDMARKS = (
    "EAM_R", "EAM_L", "CANTHUS_R", "CANTHUS_L", "GLOBE_R", "GLOBE_L",
    "NASION", "BASION", "OPISTHION", "SELLA", "CRISTA", "IOP", "SEPTUM", "PINEAL",
)  # fmt: skip
#: Tissue classes: the first eleven values of Tissue.
CLASSES = 11
#: The template coordinates come out divided by this.
TEMPLATE_SCALE_MM = 50.0
#: Channel of the landmark on the other side, for every landmark; its own for those in the midline.
MIRRORED = tuple(
    LANDMARKS.index(n[:-1] + {"R": "L", "L": "R"}[n[-1]]) if n[-2:] in ("_R", "_L") else i
    for i, n in enumerate(LANDMARKS)
)
