"""Names of the files in an assessment folder."""

RECORD, SEGMENTATION, LANDMARKS, PLANE, REPORT = (
    "assessment.json",
    "segmentation.seg.nrrd",
    "landmarks.mrk.json",
    "midsagittal.mrk.json",
    "report.html",
)
