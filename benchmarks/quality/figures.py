"""The figures of the report: small SVG files, the same bytes for the same results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.record import DELAY, SPENT, Record

COLOURS = {"urn": "#0b6e4f", "urn, independent": "#2ca58d", "oracle CUSUM": "#888888"}
OTHERS = ("#d1495b", "#edae49", "#66507a", "#30638e", "#9c6644", "#b56576", "#5c677d", "#003d5b")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "leeway",
    "svg.fonttype": "none",  # text stays text: small files
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
METADATA = {"Date": None, "Creator": None}


def names(found: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """Return the file of each row that has something to draw."""
    return {row: f"{row}.svg" for row, records in found.items() if delays(records) or budgets(records)}


def draw(found: Mapping[str, Sequence[Record]], folder: Path) -> None:
    """Write the figures."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for row, name in names(found).items():
            picture(found[row]).savefig(folder / name, metadata=METADATA, bbox_inches="tight")


def delays(records: Sequence[Record]) -> list[Record]:
    """Return what can be drawn of how soon changes are seen."""
    return [r for r in records if r.measure == DELAY and r.pane <= 1 and math.isfinite(r.value) and r.value > 0]


def budgets(records: Sequence[Record]) -> list[Record]:
    """Return what can be drawn of false alarms."""
    return [r for r in records if r.measure == SPENT and math.isfinite(r.value)]


def picture(records: Sequence[Record]) -> Any:
    """Return the figure of a row: its budgets if it is about them, otherwise its delays."""
    if len({r.threshold for r in delays(records)}) > 2:
        return curves(delays(records))
    if budgets(records):
        return dots(budgets(records), "alarms / budget, mean over references, thresholds and panes", limit=1.0)
    return dots(delays(records), "events from the change to the alarm, mean")


def colours(detectors: Sequence[str]) -> dict[str, str]:
    """Return a colour for each detector."""
    others = [detector for detector in detectors if detector not in COLOURS]
    return COLOURS | {detector: OTHERS[i % len(OTHERS)] for i, detector in enumerate(others)}


def dots(records: Sequence[Record], label: str, limit: float | None = None) -> Any:
    """Return one line a case, one dot a detector: the mean of its records there."""
    from matplotlib.figure import Figure

    cases, detectors = list(dict.fromkeys(r.case for r in records)), list(dict.fromkeys(r.detector for r in records))
    colour = colours(detectors)
    figure = Figure(figsize=(7.0, 0.9 + 0.34 * len(cases)))
    axes = figure.add_subplot()
    for detector in detectors:
        points = []
        for at, case in enumerate(cases):
            values = [r.value for r in records if r.case == case and r.detector == detector]
            if values and sum(values) > 0:
                points.append((min(sum(values) / len(values), 1e9), at))
        if points:
            hollow = "default" in detector
            across, down = zip(*points, strict=True)
            axes.scatter(
                across, down, s=26, label=detector, zorder=3,
                facecolors="none" if hollow else colour[detector], edgecolors=colour[detector],
            )  # fmt: skip
    for at, case in enumerate(cases):
        bars = [r.bar for r in records if r.case == case and r.detector == "urn, independent" and r.measure == DELAY]
        if bars and math.isfinite(bars[0]):
            axes.plot([bars[0], bars[0]], [at - 0.3, at + 0.3], color="#222222", linewidth=1)
    if limit is not None:
        axes.axvline(limit, color="#222222", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    axes.grid(axis="x", color="#dddddd", linewidth=0.5)
    axes.set_xlabel(label + ("; the stroke is the bar" if limit is None else ""))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def curves(records: Sequence[Record]) -> Any:
    """Return delay against threshold, one panel a case."""
    from matplotlib.figure import Figure

    cases, detectors = list(dict.fromkeys(r.case for r in records)), list(dict.fromkeys(r.detector for r in records))
    colour = colours(detectors)
    figure = Figure(figsize=(7.5, 2.4 * math.ceil(len(cases) / 3)))
    for at, case in enumerate(cases):
        axes = figure.add_subplot(math.ceil(len(cases) / 3), 3, at + 1)
        for detector in detectors:
            points = sorted((r.threshold, r.value) for r in records if r.case == case and r.detector == detector)
            if points:
                across, up = zip(*points, strict=True)
                axes.plot(across, up, marker="o", markersize=3, linewidth=1.2,
                          color=colour[detector], label=detector)  # fmt: skip
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_title(case, fontsize=8)
        axes.grid(color="#dddddd", linewidth=0.5)
        if at == 0:
            axes.legend(fontsize=6)
            axes.set_ylabel("events to the alarm, mean")
        axes.set_xlabel("events a false alarm may come in, A")
    figure.tight_layout()
    return figure
