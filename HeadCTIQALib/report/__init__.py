"""The HTML report of one assessment."""

from HeadCTIQALib.report.document import render

__all__ = ["render"]
