"""How a native chart looks: its axes, and lines that can be told apart without colours."""

from __future__ import annotations

from typing import Any

from openpyxl.chart import Reference, ScatterChart, Series
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.data_source import StrRef
from openpyxl.chart.layout import Layout as ChartLayout
from openpyxl.chart.layout import ManualLayout
from openpyxl.chart.legend import Legend
from openpyxl.chart.series import SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties

__all__ = ["EPOCH_END", "MOST_LINES", "add_line", "make_chart", "place"]

# More lines than this cannot be told apart.
MOST_LINES = 8
# Colours that colour-blind readers tell apart (Okabe and Ito), each with a dash of its own.
COLOURS = ("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "1F2937", "8B5A2B")
DASHES = ("solid", "sysDash", "dash", "sysDot", "lgDash", "solid", "dashDot", "lgDashDot")
# The colour of what lies behind a line: each single value where the line is their mean.
PALE = "C7D7EA"
# In English Metric Units: 12,700 to a point.
THIN, STRONG = 9_525, 22_225
# What stands below a chart that has a point for each epoch.
EPOCH_END = "iteration at the end of the epoch"
# The size of a chart in centimetres.
WIDTH, HEIGHT = 14.6, 8.2


def make_chart(title: str, across: str, *, share: bool = False) -> ScatterChart:
    """A chart without lines. `share` is for numbers from 0 to 1, shown in per cent."""
    chart = ScatterChart()
    chart.scatterStyle = "lineMarker"  # the format asks for one
    chart.title = title
    for paragraph in chart.title.tx.rich.p:  # type: ignore[union-attr]
        for run in paragraph.r:
            run.rPr = CharacterProperties(sz=1200, b=True, solidFill="1F2937")  # 12 points
    chart.style = 13
    chart.width, chart.height = WIDTH, HEIGHT  # type: ignore[assignment]
    chart.x_axis.title = across
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.x_axis.majorGridlines = None
    pale = GraphicalProperties(ln=LineProperties(solidFill="E2E8F0"))
    chart.y_axis.majorGridlines = ChartLines(spPr=pale)
    chart.x_axis.number_format = "General"
    chart.y_axis.number_format = "0%" if share else "General"
    chart.x_axis.scaling.min = 0.0
    if share:
        chart.y_axis.scaling.min, chart.y_axis.scaling.max = 0.0, 1.0
    # The labels stand below the lowest value, since weights may be negative.
    chart.x_axis.tickLblPos = "low"
    # The numbers behind the lines are folded away, and drawn all the same.
    chart.visible_cells_only = False
    return chart


def place(sheet: Any, chart: ScatterChart, corner: str) -> None:
    """Put a chart on a sheet; it has a legend where it has several lines."""
    many = len(chart.series) > 1
    for number, series in enumerate(chart.series):
        # An index of its own keeps openpyxl from counting the order anew.
        series.idx, series.order = len(chart.series), number
    # Excel draws the last line on top, by this order; LibreOffice the first, by the place in the file.
    chart.series.sort(key=lambda series: series.graphicalProperties.line.width == THIN)
    chart.legend = Legend() if many else None
    inside = ManualLayout(x=0.1, y=0.14, w=0.62 if many else 0.86, h=0.66)
    chart.layout = ChartLayout(manualLayout=inside)
    sheet.add_chart(chart, corner)


def add_line(
    chart: ScatterChart,
    values: Reference,
    across: Reference,
    name: str | Reference,
    *,
    look: str = "line",
) -> None:
    """Add a line; `name` is its name, or the cell that holds it.

    look: "line"; "dots" for values that jump from example to example; "behind" for the pale values
          of which another line is the mean
    """
    number = sum(1 for each in chart.series if each.graphicalProperties.line.width != THIN)
    series = Series(values, across, title=name if isinstance(name, str) else None)
    if isinstance(name, Reference):
        series.tx = SeriesLabel(strRef=StrRef(str(name)))
    colour = COLOURS[number % len(COLOURS)]
    series.smooth = False
    line = series.graphicalProperties.line
    if look == "dots":
        line.noFill = True
        series.marker.symbol, series.marker.size = "dash", 3
        series.marker.graphicalProperties.solidFill = colour
        series.marker.graphicalProperties.line.solidFill = colour
    else:
        series.marker.symbol = "none"
        line.solidFill, line.width = (PALE, THIN) if look == "behind" else (colour, STRONG)
        if look == "line":
            line.prstDash = DASHES[number % len(DASHES)]
    chart.series.append(series)
