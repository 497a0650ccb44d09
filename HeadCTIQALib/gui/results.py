"""An assessment in the scene: ordinary segments, Markups and one text node that remembers the record.

The text node holds everything that the other nodes cannot, and refers to them and to the volume; so saving the scene
(.mrb) and opening it again brings the whole assessment back.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from HeadCTIQALib.errors import boundary
from HeadCTIQALib.findings import Findings, Landmark, Plane
from HeadCTIQALib.findings.markups import read_landmarks, read_plane, write_landmarks, write_plane
from HeadCTIQALib.findings.nrrd_file import read_nrrd
from HeadCTIQALib.findings.segmentation import write_segmentation
from HeadCTIQALib.findings.terminology import SEGMENT_IDS, STREAK
from HeadCTIQALib.record import LANDMARKS, PLANE, SEGMENTATION, Record, check_record, to_json
from HeadCTIQALib.strict_json import parse
from HeadCTIQALib.volume.types import CTVolume

from . import hierarchy_items
from .node_files import forget_file, load_node, native, replace_markup, through_file
from .point_labels import landmark_id, title_points
from .volumes import voxel_digest

KIND = "HeadCTIQA.kind"  # attribute that marks our nodes
_VOXELS = "HeadCTIQA.voxels"  # attribute of the text node: of which voxels the assessment is
_VOLUME, _SEGMENTATION, _LANDMARKS, _PLANE = (
    f"HeadCTIQA.{n}" for n in ("volume", "segmentation", "landmarks", "plane")
)  # references
_OURS = (
    "vtkMRMLStorableNode",
    "vtkMRMLDisplayNode",
    "vtkMRMLStorageNode",
)  # what loading adds, in the order of its removal; never the hierarchy itself
_NAMES = {_SEGMENTATION: _("masks"), _LANDMARKS: _("landmarks"), _PLANE: _("mid-sagittal plane")}
_FACE_ON_MM = 240.0


class Results:
    """The nodes of one assessment.

    Attributes:
        text: ``vtkMRMLTextNode`` with the state (see :meth:`state`).
        segmentation, landmarks, plane: nodes that 3D Slicer's own modules edit; the latter two may be None.
        volume: node of the scan.
    """

    def __init__(self, text: Any) -> None:
        self.text = text

    @property
    def volume(self) -> Any:
        return self.text.GetNodeReference(_VOLUME)

    @property
    def segmentation(self) -> Any:
        return self.text.GetNodeReference(_SEGMENTATION)

    @property
    def landmarks(self) -> Any:
        return self.text.GetNodeReference(_LANDMARKS)

    @property
    def plane(self) -> Any:
        return self.text.GetNodeReference(_PLANE)

    @property
    def nodes(self) -> list[Any]:
        """The nodes that are there, in the scene's order of making."""
        return [n for n in (self.segmentation, self.landmarks, self.plane, self.text) if n is not None]

    def is_of(self, volume_node: Any) -> bool:
        """Whether this is an assessment of the voxels that ``volume_node`` holds now: a sequence shows one frame after another in one node."""
        known = self.text.GetAttribute(_VOXELS)
        return self.volume is volume_node and known in (None, voxel_digest(volume_node))

    def state(self) -> dict[str, Any]:
        """``record`` (shown), ``original`` (as assessed) and ``extra`` (of the corrections and readers).

        Raises:
            InputError: the scene came from a file that is damaged.
        """
        where = _("of this scene")
        state: dict[str, Any] = parse(
            self.text.GetText().encode("utf-8", "surrogatepass"), f"The assessment {where}", "assess the scan again"
        )
        with boundary(f"The assessment {where} is damaged; assess the scan again."):
            return {
                "record": check_record(state["record"], where),
                "original": check_record(state["original"], where),
                "extra": dict(state["extra"]),
            }

    def keep(self, record: Record, original: Record, extra: Mapping[str, Any]) -> None:
        """Remember the state with the scene."""
        state = {"record": to_json(record), "original": to_json(original), "extra": extra}
        self.text.SetText(json.dumps(state, allow_nan=False))

    def read_tissue(self, volume: CTVolume) -> tuple[np.ndarray, np.ndarray | None]:
        """(K, J, I) uint8 tissue labels and bool streak mask, or None, as the segments are now, on the grid of ``volume``."""
        tissue, streak = np.zeros(volume.shape, np.uint8), None
        images: dict[int, Any] = {}  # segments share label maps
        tissues: dict[int, dict[int, int]] = {}  # label to tissue in each of them
        segmentation = self.segmentation.GetSegmentation()
        for n in range(segmentation.GetNumberOfSegments()):
            id_, segment = segmentation.GetNthSegmentID(n), segmentation.GetNthSegment(n)
            if id_ not in SEGMENT_IDS and id_ != STREAK:
                continue
            image = segment.GetRepresentation("Binary labelmap")
            there = image is not None and not image.IsEmpty()
            if id_ == STREAK:
                streak = native(image, volume) == segment.GetLabelValue() if there else np.zeros(volume.shape, bool)
            elif there:
                images[hash(image)] = image
                tissues.setdefault(hash(image), {})[int(segment.GetLabelValue())] = int(SEGMENT_IDS[id_])
        for key, image in images.items():
            labels = native(image, volume)
            table = np.zeros(max(int(labels.max()), *tissues[key]) + 1, np.uint8)
            table[list(tissues[key])] = list(tissues[key].values())
            # as assessed the labels are the tissues; otherwise one pass, however many segments share the label map
            found = (
                labels.astype(np.uint8, copy=False) if np.array_equal(table, np.arange(len(table))) else table[labels]
            )
            if len(images) == 1:
                tissue = found
            else:
                np.copyto(tissue, found, where=found > 0)
        return tissue, streak

    def read_landmarks(self) -> dict[str, Landmark]:
        """Id to point, RAS mm, as the Markups are now."""
        if self.landmarks is None:
            return {}
        found = through_file(self.landmarks, "landmarks.mrk.json", read_landmarks)
        return {landmark_id(label): point for label, point in found.items()}

    def read_plane(self) -> Plane | None:
        """The mid-sagittal plane as it is now; None where there is none or it is not placed."""
        if self.plane is None or self.plane.GetNumberOfControlPoints() == 0:
            return None
        return through_file(self.plane, "midsagittal.mrk.json", read_plane)

    def write_tissue(self, volume: CTVolume, findings: Findings) -> None:
        """Put the masks of ``findings`` into the segments, keeping the node and its display."""
        with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
            path = Path(folder) / "segmentation.seg.nrrd"
            write_segmentation(path, volume, findings)
            fresh = slicer.util.loadSegmentation(str(path))
        self.segmentation.GetSegmentation().DeepCopy(fresh.GetSegmentation())
        hierarchy_items.remove(fresh)

    def write_landmarks(self, landmarks: Mapping[str, Landmark]) -> None:
        """Move, add and remove points until they are ``landmarks``; a point list is made when there was none."""
        if self.landmarks is None:
            self._adopt(
                _LANDMARKS, load_node("markups", "landmarks.mrk.json", lambda path: write_landmarks(path, landmarks))
            )
            return
        replace_markup(self.landmarks, "landmarks.mrk.json", lambda path: write_landmarks(path, landmarks))
        title_points(self.landmarks)

    def write_plane(self, plane: Plane) -> None:
        """Move the mid-sagittal plane; made when there was none."""
        if self.plane is None:
            self._adopt(_PLANE, load_node("markups", "midsagittal.mrk.json", lambda path: write_plane(path, plane)))
            return
        self.plane.SetOriginWorld(plane.origin)
        self.plane.SetNormalWorld(plane.normal)

    def remove(self) -> None:
        """Take the assessment out of the scene; the volume stays."""
        for node in self.nodes:
            hierarchy_items.remove(node)

    def _adopt(self, reference: str, node: Any) -> None:
        forget_file(node)
        node.SetAttribute(KIND, reference.split(".")[1])
        self.text.SetNodeReferenceID(reference, node.GetID())
        if node.GetDisplayNode() is None:
            node.CreateDefaultDisplayNodes()
        node.SetName(f"{self.volume.GetName()} {_NAMES[reference]}")
        if node.IsA("vtkMRMLMarkupsNode"):
            _dress_markup(node)
            title_points(node)
        hierarchy_items.place(node, self.volume)


def load(folder: Path, volume_node: Any, record: Record) -> Results:
    """Add the assessment in ``folder`` to the scene, under the study of ``volume_node``; all or nothing.

    Raises:
        InputError: a file is none that HeadCTIQA or 3D Slicer wrote, e.g. a pipe, or one that has others read for it.
        RuntimeError: 3D Slicer cannot read one of the files.
    """
    plane_file = folder / PLANE if (folder / PLANE).exists() else None
    read_nrrd(folder / SEGMENTATION)  # 3D Slicer crashes on some damaged ones
    read_landmarks(folder / LANDMARKS)
    if plane_file is not None:
        read_plane(plane_file)
    before = set(_node_ids())
    try:
        segmentation = slicer.util.loadSegmentation(str(folder / SEGMENTATION))
        landmarks = slicer.util.loadMarkups(str(folder / LANDMARKS))
        plane = None if plane_file is None else slicer.util.loadMarkups(str(plane_file))
        return adopt(volume_node, segmentation, landmarks, plane, record)
    except BaseException:
        # What was read already, and what a reader left half-way.  A view that draws a segmentation whose display node is
        # gone crashes the application: what is displayed goes before what displays it.
        for kind in _OURS:
            for id_ in [id_ for id_ in _node_ids() if id_ not in before]:
                node = slicer.mrmlScene.GetNodeByID(id_)
                if node is not None and node.IsA(kind):
                    hierarchy_items.remove(node)
        raise


def adopt(volume_node: Any, segmentation: Any, landmarks: Any, plane: Any | None, record: Record) -> Results:
    """Make an assessment of nodes that are in the scene already; nothing of it is shown until a row is selected."""
    text = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLTextNode", _("{name} assessment").format(name=volume_node.GetName())
    )
    text.SetAttribute(KIND, "assessment")
    text.SetNodeReferenceID(_VOLUME, volume_node.GetID())
    text.SetAttribute(_VOXELS, voxel_digest(volume_node))
    hierarchy_items.place(text, volume_node)
    results = Results(text)
    for reference, node in ((_SEGMENTATION, segmentation), (_LANDMARKS, landmarks), (_PLANE, plane)):
        if node is not None:
            results._adopt(reference, node)
    _dress_masks(results)
    results.keep(record, record, {})
    return results


def _node_ids() -> list[str]:
    scene = slicer.mrmlScene
    return [scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())]


def find(scene: Any, volume_node: Any = None) -> list[Results]:
    """The assessments in the scene (of what one volume node holds), oldest first; those that lost their segmentation are left out."""
    found = [
        Results(n)
        for n in slicer.util.getNodesByClass("vtkMRMLTextNode", scene)
        if n.GetAttribute(KIND) == "assessment"
    ]
    return [
        r
        for r in found
        if r.segmentation is not None and r.volume is not None and (volume_node is None or r.is_of(volume_node))
    ]


def _dress_masks(results: Results) -> None:
    """How the segments look: nothing is shown until a row is selected."""
    segmentation = results.segmentation
    if results.volume.GetParentTransformNode() is None:  # else the volume's own grid is not where its slices are
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(results.volume)
    segmentation.GetDisplayNode().SetVisibility(False)
    segmentation.GetDisplayNode().SetAllSegmentsVisibility(False)


def _dress_markup(node: Any) -> None:
    """How points and the plane look and are handled: nothing is shown until a row is selected."""
    display = node.GetDisplayNode()
    display.SetVisibility(False)
    display.SetSelectedColor(1.0, 0.85, 0.1)
    display.SetTextScale(3.0)
    display.SetGlyphScale(2.0)
    if not node.IsA("vtkMRMLMarkupsPlaneNode"):
        return
    node.SetSize(_FACE_ON_MM, _FACE_ON_MM)
    display.SetPropertiesLabelVisibility(False)
    display.SetOutlineVisibility(False)  # the edges of a tilted plane would be projected beside its trace
    display.SetFillOpacity(0.12)  # more would veil the image that the plane lies in
    display.SetSliceProjection(False)
    display.SetHandlesInteractive(True)  # to turn and to shift it; scaling it means nothing
    display.SetRotationHandleVisibility(True)
    display.SetTranslationHandleVisibility(True)
    display.SetScaleHandleVisibility(False)
