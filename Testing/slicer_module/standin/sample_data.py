"""3D Slicer's module ``SampleData`` as far as other modules register with it, after Modules/Scripted/SampleData of 5.13."""

from __future__ import annotations

import sys
import types

import slicer


class SampleDataSource:
    """One sample; the parts given as texts become lists of one."""

    def __init__(self, sampleName, uris, fileNames, nodeNames, checksums, customDownloader, thumbnailFileName):
        if isinstance(uris, str):
            uris, fileNames, nodeNames, checksums = [uris], [fileNames], [nodeNames], [checksums]
        self.sampleName, self.sampleDescription = sampleName, sampleName
        self.uris, self.fileNames, self.nodeNames, self.checksums = uris, fileNames, nodeNames, checksums
        self.customDownloader, self.thumbnailFileName = customDownloader, thumbnailFileName

    def __eq__(self, other):
        return vars(self) == vars(other)

    __hash__ = None


class SampleDataLogic:
    """Keeps ``slicer.modules.sampleDataSources``: category to samples."""

    @staticmethod
    def registerCustomSampleDataCategory(category, title):
        slicer.modules.sampleDataSourceCategories[category] = {"title": title}

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom", sampleName=None, uris=None, fileNames=None, nodeNames=None, customDownloader=None,
        thumbnailFileName=None, loadFileTypes=None, loadFiles=None, loadFileProperties=None, checksums=None, loadFileType=None,
    ):  # fmt: skip
        source = SampleDataSource(
            sampleName, uris, fileNames, nodeNames, checksums, customDownloader, thumbnailFileName
        )
        known = slicer.modules.sampleDataSources.setdefault(category, [])
        if source not in known:
            known.append(source)


def install():
    """Make ``import SampleData`` work, with nothing registered."""
    slicer.modules.sampleDataSources, slicer.modules.sampleDataSourceCategories = {}, {}
    module = types.ModuleType("SampleData")
    module.SampleDataLogic, module.SampleDataSource = SampleDataLogic, SampleDataSource
    sys.modules["SampleData"] = module


def press(category, name):
    """What the sample's button in the module does; returns what the downloader returned."""
    source = next(s for s in slicer.modules.sampleDataSources[category] if s.sampleName == name)
    return source.customDownloader(source)
