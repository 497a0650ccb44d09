"""Every reproducer in ../shared/cases/reading: the fault is built as there, and reading it must give the answer in its docstring."""

from __future__ import annotations

import copy
import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import SHARED
from pydicom.uid import generate_uid
from scipy import ndimage

from HeadCTIQALib.errors import InputError
from HeadCTIQALib.volume import CTVolume, check, read

CASES = SHARED / "cases" / "reading"
pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def helper(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The helper of the reproducers, whose scratch folder is one of pytest's."""
    if not (CASES / "_scan.py").is_file():
        pytest.skip("the reproducers (../shared/cases/reading beside the project) are not here")
    spec = importlib.util.spec_from_file_location("reading_cases", CASES / "_scan.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.rmtree(module.WORK)
    return module


@pytest.fixture(scope="module")
def decoded(helper: ModuleType) -> list[Any]:
    """Every second slice of the real scan; do not change them."""
    if not helper.SCAN.is_dir():
        pytest.skip("the real scans (../shared/data beside the project) are not here")
    return helper.load()


@pytest.fixture
def scan(helper: ModuleType, tmp_path: Path) -> ModuleType:
    """The helper, writing into this test's folder."""
    helper.WORK = tmp_path
    return helper


@pytest.fixture
def slices(decoded: list[Any]) -> list[Any]:
    """Data sets of this test's own."""
    return copy.deepcopy(decoded)


@pytest.fixture(scope="module")
def truth(decoded: list[Any], helper: ModuleType) -> np.ndarray:
    """(K, J, I) HU of the unchanged scan."""
    return helper.volume(decoded)[0]


def told(path: Path, series: str | None = None) -> tuple[CTVolume | None, str]:
    """The volume and all that is said of it; no volume and the refusal when it is refused."""
    try:
        volume = read(path, series=series)
        return volume, "\n".join((*volume.warnings, *check(volume)))
    except InputError as error:
        return None, str(error)


def says(words: str, sentences: str) -> bool:
    return re.search(words, sentences, re.IGNORECASE) is not None


def same_voxels(volume: CTVolume, truth: np.ndarray) -> bool:
    """Whether every slice is one of the true ones, padding apart."""
    at = np.rint((volume.slice_positions - volume.slice_positions[0]) / 5.0).astype(int)
    return len(truth) >= at[-1] + 1 and all(
        np.array_equal(np.clip(volume.hu[n], -1024, None), truth[k]) for n, k in enumerate(at)
    )


def test_unchanged(scan: ModuleType, slices: list[Any], truth: np.ndarray) -> None:
    volume, sentences = told(scan.save(slices))
    assert volume is not None
    assert same_voxels(volume, truth)
    assert not says("missing|lost|left out|padding|rescale|loss|patients", sentences)


def with_blank_slices(scan: ModuleType, slices: list[Any]) -> Path:
    """The brain cut 38 mm below the vertex, and six slices of one value above."""
    cut, blank = slices[:33], []
    for n in range(6):
        d = scan.new_instance(copy.deepcopy(cut[-1]))
        x, y, z = d.ImagePositionPatient
        d.ImagePositionPatient, d.InstanceNumber = [x, y, float(z) + 5 * (n + 1)], 900 + n
        d.PixelData = np.zeros((512, 512), np.int16).tobytes()  # stored 0 = -1024 HU
        blank.append(d)
    return scan.save(cut + blank)


def test_blank_slices_are_no_slices(scan: ModuleType, slices: list[Any]) -> None:
    volume, sentences = told(with_blank_slices(scan, slices))
    assert volume is not None
    assert len(volume.hu) == 33
    assert says("(blank|empty|no image|one value|nothing).*|6 .*slices", sentences)


@pytest.mark.slow
def test_blank_slices_are_no_coverage(scan: ModuleType, slices: list[Any]) -> None:
    from HeadCTIQALib.assessment import assess

    record = assess(with_blank_slices(scan, slices), device="cpu").record
    margin = record.iqms["vertex_margin"]  # 38 mm are missing; so much the outline alone says for certain
    assert margin.bound == "at_most"
    assert -38 < margin.value < -25
    assert margin.band == "poor"


def test_child_by_birth_date(scan: ModuleType, slices: list[Any]) -> None:
    for d in slices:
        if "PatientAge" in d:
            del d.PatientAge
        d.PatientBirthDate, d.StudyDate = "19970101", "20000509"
    volume, sentences = told(scan.save(slices))
    assert volume is not None
    assert volume.acquisition.patient_age_years == pytest.approx(3, abs=0.5)
    assert says("under 18", sentences)
    assert "1997" not in repr((volume.acquisition, volume.source, volume.warnings))


def test_decimal_comma(scan: ModuleType, slices: list[Any]) -> None:
    folder = scan.save(slices)
    for path in folder.iterdir():
        data = path.read_bytes()
        at = data.index(b"\x28\x00\x30\x00DS")
        size = int.from_bytes(data[at + 6 : at + 8], "little")
        path.write_bytes(data[: at + 8] + data[at + 8 : at + 8 + size].replace(b".", b",") + data[at + 8 + size :])
    volume, sentences = told(folder)
    if volume is None:
        assert says("PixelSpacing.*cannot be read", sentences)
    else:
        assert volume.pixel_spacing == pytest.approx([float(v) for v in slices[0].PixelSpacing])


def test_folder_with_one_nifti(scan: ModuleType, decoded: list[Any], truth: np.ndarray) -> None:
    folder = scan.WORK / "converted"
    folder.mkdir()
    scan.nifti(folder / "scan.nii.gz", *scan.volume(decoded))
    (folder / "scan.json").write_text("{}")
    volume, sentences = told(folder)
    assert (
        says(r"NIfTI|scan\.nii", sentences.replace("NIfTI, NRRD", "")) if volume is None else same_voxels(volume, truth)
    )
    if volume is not None:
        assert "scan.nii" not in repr(volume.source)


def test_group_2_without_preamble(scan: ModuleType, slices: list[Any], truth: np.ndarray) -> None:
    folder = scan.save(slices)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    volume, _ = told(folder)
    assert volume is not None
    assert same_voxels(volume, truth)


def test_lossy_compression_is_told(scan: ModuleType, slices: list[Any]) -> None:
    import gdcm

    for d in slices:
        scan.put(d, np.clip(scan.hu(d), -1024, None) + 1024, signed=False, intercept=-1024)
        d.LossyImageCompression, d.LossyImageCompressionRatio, d.LossyImageCompressionMethod = "01", "30", "ISO_15444_1"
    folder, out = scan.save(slices, "plain"), scan.WORK / "lossy"
    out.mkdir()
    for path in sorted(folder.iterdir()):
        reader, change, codec, writer = (
            gdcm.ImageReader(),
            gdcm.ImageChangeTransferSyntax(),
            gdcm.JPEG2000Codec(),
            gdcm.ImageWriter(),
        )
        reader.SetFileName(str(path))
        reader.Read()
        codec.SetReversible(False)
        codec.SetRate(0, 30)
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEG2000))
        change.SetUserCodec(codec)
        change.SetInput(reader.GetImage())
        change.Change()
        writer.SetFileName(str(out / path.name))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.Write()
    volume, sentences = told(out)
    assert volume is not None
    assert volume.acquisition.lossy_compression is True
    assert volume.acquisition.lossy_ratio == pytest.approx(30)
    assert says("loss", sentences)


def tilted(slices: list[Any], scan: ModuleType) -> tuple[np.ndarray, np.ndarray]:
    """(K, J, I) HU as a gantry tilted by 15 degrees would show them, and their sheared affine; the DICOM slices are changed to it."""
    tilt = np.radians(15)
    v, affine = scan.volume(slices)
    s, gap = -affine[0, 0], affine[2, 2]
    j, i = np.mgrid[:512, :512].astype(np.float32)
    planes = [[k + (121 - j * s) * np.sin(tilt) / gap, j * np.cos(tilt), i] for k in range(len(v))]
    v = np.rint([ndimage.map_coordinates(v.astype(np.float32), at, order=1, cval=-1024) for at in planes]).astype(
        np.int16
    )
    true = affine.copy()
    true[:3, 1] = (
        0,
        -s * np.cos(tilt),
        -s * np.sin(tilt),
    )  # the columns run down the tilted plane; the table moves along z
    true[2, 3] += 121 * np.sin(tilt)
    for k, d in enumerate(slices):
        scan.put(d, v[k].astype(np.int32) + 1024, signed=False, intercept=-1024)
        d.ImageOrientationPatient = [1, 0, 0, 0, float(np.cos(tilt)), float(-np.sin(tilt))]
        d.ImagePositionPatient = [round(float(x), 4) for x in (-true[0, 3], -true[1, 3], true[2, 3] + k * gap)]
    return v, true


def test_sheared_sform_beside_a_qform(scan: ModuleType, slices: list[Any]) -> None:
    v, true = tilted(slices, scan)
    dicom, sentences = told(scan.save(slices))
    assert dicom is not None, sentences
    for name, qform in (("both.nii.gz", 1), ("sform.nii.gz", 0)):
        volume, sentences = told(scan.nifti(scan.WORK / name, v, true, qform=qform))
        if volume is None:
            assert says("not at right angles|sheared", sentences), name
        else:
            np.testing.assert_allclose(volume.origins, dicom.origins, atol=0.01, err_msg=name)
            np.testing.assert_allclose(volume.k, dicom.k, atol=1e-4, err_msg=name)


def test_nifti_without_orientation(scan: ModuleType, decoded: list[Any]) -> None:
    volume, sentences = told(scan.nifti(scan.WORK / "x.nii.gz", *scan.volume(decoded), sform=0, qform=0))
    assert volume is None or says("orientation|left and right|lies", sentences)


@pytest.mark.parametrize("tag", [True, False])
@pytest.mark.parametrize("clipped", [True, False])
def test_padding_written_unsigned(
    scan: ModuleType, slices: list[Any], truth: np.ndarray, tag: bool, clipped: bool
) -> None:
    for d in slices:
        h = scan.hu(d)
        inside = np.clip(h, -1024, None) if clipped else h
        scan.put(d, np.where(h <= -2000, -2000, inside + 1024) & 0xFFFF, signed=False, intercept=-1024)
        if tag:
            d.add_new("PixelPaddingValue", "US", 63536)
    volume, sentences = told(scan.save(slices))
    if volume is None:
        assert says("sign", sentences)
    else:
        assert same_voxels(volume, truth)


def test_positions_all_equal(scan: ModuleType, slices: list[Any]) -> None:
    for d in slices[::2]:
        d.ImagePositionPatient = [-124.1, -101.8, 0]
    volume, sentence = told(scan.save(slices[::2]))
    assert volume is None
    assert says(
        "same (ImagePositionPatient|position)|positions? (is|are|was|were) (all )?(the same|equal|lost)", sentence
    )


def test_slope_0(scan: ModuleType, slices: list[Any]) -> None:
    for d in slices[::2]:
        d.RescaleSlope = "0"
    volume, sentence = told(scan.save(slices[::2]))
    assert volume is None
    assert says("RescaleSlope.* 0", sentence)


def test_post_contrast_by_description(scan: ModuleType, slices: list[Any], decoded: list[Any]) -> None:
    plain, enhanced, series = slices[1:], copy.deepcopy(decoded), generate_uid()
    for d in plain:
        d.SeriesDescription = "CT PLAIN"
    for d in enhanced:
        scan.new_instance(d)
        d.SeriesInstanceUID, d.SeriesNumber, d.SeriesDescription = series, 3, "CT 5mm POST CONTRAST"
    volume, sentences = told(scan.save(plain + enhanced))
    assert volume is not None
    assert len(volume.hu) == 39 or says("contrast", sentences)


@pytest.mark.parametrize("without", [[25], list(range(5, 35, 3))])
def test_rescale_missing_in_some_slices(
    scan: ModuleType, slices: list[Any], truth: np.ndarray, without: list[int]
) -> None:
    for i, d in enumerate(slices):
        scan.put(d, np.clip(scan.hu(d), -1024, None) + 1024, signed=False, intercept=-1024)
        if i in without:
            del d.RescaleIntercept
    volume, sentences = told(scan.save(slices))
    assert says("rescale", sentences)
    assert not says("were taken as HU|nothing that looks like", sentences)
    if volume is not None:
        assert same_voxels(volume, truth)
        assert len(volume.hu) == 40 or volume.lost


def of_another_patient(scan: ModuleType, slices: list[Any], **tags: object) -> list[Any]:
    for d in slices:
        scan.new_instance(d)
        for name, value in tags.items():
            setattr(d, name, value)
    return slices


def test_two_patients_in_one_folder(scan: ModuleType, slices: list[Any], decoded: list[Any], truth: np.ndarray) -> None:
    series = generate_uid()
    tags = {
        "SeriesInstanceUID": series,
        "StudyInstanceUID": generate_uid(),
        "PatientID": "B",
        "PatientName": "B",
        "StudyDate": "20100101",
    }
    folder = scan.save(slices + of_another_patient(scan, copy.deepcopy(decoded), **tags))
    volume, sentence = told(folder)
    assert volume is None
    assert says("patients|studies", sentence)
    assert says("2010", sentence)
    chosen, _ = told(folder, series)
    assert chosen is not None
    assert same_voxels(chosen, truth)


def test_two_patients_under_one_series_uid(scan: ModuleType, slices: list[Any], decoded: list[Any]) -> None:
    tags = {"PatientID": "B", "PatientName": "B", "StudyInstanceUID": "1.2.3", "FrameOfReferenceUID": "1.2.4"}
    other = of_another_patient(scan, copy.deepcopy(decoded), **tags)
    for d in other:
        x, y, z = d.ImagePositionPatient
        d.ImagePositionPatient = [x, y, round(float(z) + 0.7, 3)]
    volume, sentence = told(scan.save(slices + other))
    assert volume is None
    assert says("patients|studies", sentence)


@pytest.mark.parametrize("tag", ["SeriesInstanceUID", "SOPClassUID", "Modality"])
def test_uid_or_modality_removed(scan: ModuleType, slices: list[Any], truth: np.ndarray, tag: str) -> None:
    for d in slices:
        del d[tag]
    volume, sentence = told(scan.save(slices))
    if volume is None:
        assert says(tag, sentence)
        assert not says("damaged|truncated", sentence)
    else:
        assert same_voxels(volume, truth)


def test_every_reproducer_has_its_test() -> None:
    """A reproducer that is added beside the project needs a test here."""
    if not CASES.is_dir():
        pytest.skip("the reproducers (../shared/cases/reading beside the project) are not here")
    here: dict[str, Callable[..., None]] = {
        name: value for name, value in globals().items() if name.startswith("test_")
    }
    known = {
        "blank_slices_above_cut_head", "child_by_birth_date", "decimal_comma", "folder_with_nifti", "group2_without_preamble", "lossy_compression_untold",
        "nifti_sheared_sform_with_qform", "nifti_without_orientation", "padding_unsigned_wrap", "positions_all_equal_or_slope_zero",
        "post_contrast_by_description", "rescale_missing_in_one_slice", "two_patients_in_one_folder", "two_patients_one_series_uid", "uid_or_modality_removed",
    }  # fmt: skip
    assert {p.stem for p in CASES.glob("[!_]*.py")} <= known
    assert len(here) > len(known)
