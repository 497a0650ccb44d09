"""Scatter and Bland-Altman plots of model against readers, in 3D Slicer's own plot view."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _
from vtkmodules.util.numpy_support import numpy_to_vtk

_SERIES = ((_("before (guideline)"), (0.55, 0.55, 0.55)), (_("after (fitted)"), (0.0, 0.45, 0.70)))
_LINE = (0.2, 0.2, 0.2)


class AgreementPlots:
    """Two charts, made anew by every :meth:`show`; ``scatter`` and ``bland_altman`` are their nodes, or None."""

    def __init__(self) -> None:
        self.scatter: Any | None = None
        self.bland_altman: Any | None = None
        self._nodes: list[Any] = []
        self._layout: tuple[int, int] | None = None  # the user's arrangement of views, and the one with a plot

    def show(self, before: Any, after: Any) -> None:
        """Make the charts of two :class:`~HeadCTIQALib.cohort.agreement_of_model.ModelAgainstReaders`; :meth:`turn_to` shows one."""
        self.remove()
        target = _("Overall score")
        self.scatter = self._chart(
            _("{target}: model against readers").format(target=target), _("mean of the readers"), _("model")
        )
        self.bland_altman = self._chart(
            _("{target}: Bland-Altman").format(target=target), _("mean of model and readers"), _("model - readers")
        )
        for (name, color), data in zip(_SERIES, (before, after), strict=True):
            self._points(self.scatter, name, data.readers, data.model, color)
            self._points(self.bland_altman, name, data.mean, data.difference, color)
        self._line(self.scatter, _("equal"), (0.0, 100.0), (0.0, 100.0))
        for name, height in _limits(after.difference):
            self._line(self.bland_altman, name, (0.0, 100.0), (height, height))
        _leave_room(self.scatter, [before.model, after.model, (0.0, 100.0)])
        _leave_room(self.bland_altman, [before.difference, after.difference])

    def turn_to(self, chart: Any | None) -> None:
        """Show one of the two charts in the plot view; nothing where there is none yet."""
        layout = _layout_node()
        if chart is None or layout is None:
            return
        before = layout.GetViewArrangement()
        _show(chart)
        if layout.GetViewArrangement() != before:
            self._layout = (before, layout.GetViewArrangement())

    def leave(self) -> None:
        """Put the user's arrangement of views back, unless it was changed since."""
        layout, kept, self._layout = _layout_node(), self._layout, None
        if layout is not None and kept is not None and layout.GetViewArrangement() == kept[1]:
            layout.SetViewArrangement(kept[0])

    def remove(self) -> None:
        """Take the plots out of the scene, and put the views back."""
        self.leave()
        for node in self._nodes:
            if slicer.mrmlScene.IsNodePresent(node):
                slicer.mrmlScene.RemoveNode(node)
        self._nodes, self.scatter, self.bland_altman = [], None, None

    def _chart(self, title: str, x: str, y: str) -> Any:
        chart = self._add("vtkMRMLPlotChartNode", title)
        chart.SetTitle(title)
        chart.SetXAxisTitle(x)
        chart.SetYAxisTitle(y)
        chart.SetLegendVisibility(True)
        return chart

    def _points(self, chart: Any, name: str, x: Any, y: Any, color: tuple[float, float, float]) -> None:
        series = self._series(chart, name, x, y, color)
        series.SetLineStyle(series.LineStyleNone)
        series.SetMarkerStyle(series.MarkerStyleCircle)
        series.SetMarkerSize(7)

    def _line(self, chart: Any, name: str, x: Any, y: Any) -> None:
        series = self._series(chart, name, x, y, _LINE)
        series.SetLineStyle(series.LineStyleDash)
        series.SetMarkerStyle(series.MarkerStyleNone)

    def _series(self, chart: Any, name: str, x: Any, y: Any, color: tuple[float, float, float]) -> Any:
        table = self._add("vtkMRMLTableNode", f"{chart.GetName()}, {name}")
        for title, values in (("x", x), ("y", y)):
            column = numpy_to_vtk(np.asarray(values, float), deep=True)
            column.SetName(title)
            table.AddColumn(column)
        series = self._add("vtkMRMLPlotSeriesNode", name)
        series.SetPlotType(series.PlotTypeScatter)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName("x")
        series.SetYColumnName("y")
        series.SetColor(*color)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
        return series

    def _add(self, kind: str, name: str) -> Any:
        node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
        node.SetSaveWithScene(False)
        self._nodes.append(node)
        return node


def _limits(difference: Any) -> list[tuple[str, float]]:
    """Bias and 95 % limits of agreement (Bland and Altman 1999)."""
    if len(difference) < 2:
        return []
    bias, spread = float(difference.mean()), 1.96 * float(difference.std(ddof=1))
    return [(_("bias after"), bias), (_("upper limit"), bias + spread), (_("lower limit"), bias - spread)]


def _leave_room(chart: Any, data: list[Any]) -> None:
    """A third of the height stays free above the data, for the legend in the upper corner."""
    values = np.concatenate([np.asarray(d, float) for d in data])
    low, high = float(values.min()), float(values.max())
    spread = max(high - low, 1.0)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(low - 0.05 * spread, high + 0.5 * spread)


def _layout_node() -> Any:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _show(chart: Any) -> None:
    """Turn to a layout with a plot, where the Plots module is loaded (it is not when 3D Slicer runs without a window)."""
    plots = getattr(slicer.modules, "plots", None)
    if plots is not None:
        plots.logic().ShowChartInLayout(chart)
