"""A picture of an evaluation: for each column the data above and the urn's evidence against its threshold below.

Colours are those of Okabe and Ito, which people with any kind of colour vision can tell apart, and every colour has a
word beside it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.urn import Urns
from stream.evaluate.refusal import Refusal
from stream.evaluate.result import Result
from stream.evaluate.table import Column
from stream.evaluate.trace import Trace
from stream.evaluate.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 6  # in one picture
SLICES, LEAST_SLICE = 400, 50  # of the rows, one point of the curve each; and rows in a slice
MOST_DRAWN = 1e300  # axes are laid out by differences, and those of larger numbers overflow
TEXTS = 4  # values of a column of texts that are drawn
LONGEST = 60  # characters of such a word
NAMES = 8  # alarms that have their word in the picture
INCHES, INCHES_A_COLUMN, DOTS = 11.0, 4.2, 110
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
LINES = (BLUE, ORANGE, GREEN, PURPLE)
MARKS = "vs^Dop*X"  # one a detector
LINE, POINTS_HIGH = 8.0, 150.0  # between the lines of marks, and the upper panel, in points
ABOVE = 30.0  # room above the threshold for words: factor
NOTHING = 1.0  # evidence below is drawn there: the axis is logarithmic


def drawable() -> None:
    """Raises `Refusal` if there is nothing to draw with: before an hour of work, not after."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise Refusal("--plot needs matplotlib, which is not installed: pip install 'leeway[evaluate]'") from None


def draw(path: Path, trial: Trial, results: Sequence[Result], trace: Trace | None) -> int:
    """Write the picture, and return how many columns are in it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = trial.table.columns[:MOST_COLUMNS]
    figure = Figure(figsize=(INCHES, INCHES_A_COLUMN * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2 * len(shown), 1, squeeze=False, height_ratios=[3, 2] * len(shown))[:, 0]
    for at, column in enumerate(shown):
        above, below = panels[2 * at], panels[2 * at + 1]
        below.sharex(above)
        own = [result for result in results if result.column == column.name and result.alarms]
        data(above, trial, column)
        truth(above, (trial.changes or {}).get(column.name, ()))
        alarms(above, own)
        evidence(below, trial, trace, at, own)
        above.set_title(column.name, loc="left", fontsize=11, pad=8 + LINE * len(own), parse_math=False)
        above.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
        below.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    panels[-1].set_xlabel("row of the file")
    try:
        figure.savefig(path, format="png", dpi=DOTS, metadata={"Software": None})
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from None
    return len(shown)


def data(panel: "Axes", trial: Trial, column: Column) -> None:
    """The column in slices: numbers as their median and the middle nine tenths, texts as shares."""
    rows, slices = sliced(trial, column)
    if column.words is None:
        drawn = np.array([tenths(piece.values[~piece.nulls]) for piece in slices]).T
        low, middle, high = np.clip(drawn, -MOST_DRAWN, MOST_DRAWN)
        panel.fill_between(rows, low, high, color=SKY, alpha=0.4, linewidth=0, label="5 % to 95 %")
        panel.plot(rows, middle, color=BLUE, linewidth=1, label="median")
    else:
        known = column.values[~column.nulls]
        frequent = np.argsort(-np.bincount(known, minlength=len(column.words)), kind="stable")[:TEXTS]
        for colour, code in zip(LINES, frequent, strict=False):
            shares = [float(np.mean(piece.values == code)) for piece in slices]
            panel.plot(rows, shares, color=colour, linewidth=1, label=f"share of {column.words[code][:20]}")
        panel.set_ylim(bottom=0)
    if column.nulls.any():
        panel.plot([], [], " ", label=f"{100 * np.mean(column.nulls):.3g} % missing")
    panel.axvspan(float(rows[0]), trial.reference - trial.before, color=BLACK, alpha=0.06, label="reference")


def sliced(trial: Trial, column: Column) -> tuple[Any, list[Column]]:
    """The rows at which slices of a column begin, and the slices."""
    cuts = np.linspace(0, len(column), max(1, min(SLICES, len(column) // LEAST_SLICE)) + 1).astype(np.int64)
    pieces = [column.rows(first, end) for first, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)]
    return cuts[:-1] - trial.before, pieces


def tenths(values: Any) -> Any:
    """What is drawn of a slice of numbers."""
    return np.percentile(values, (5, 50, 95)) if values.size else np.full(3, np.nan)


def truth(panel: "Axes", changes: Sequence[int]) -> None:
    """Where something was changed."""
    for at, row in enumerate(changes):
        panel.axvline(row, color=BLACK, linestyle="--", linewidth=1, label="change" if at == 0 else None)


def alarms(panel: "Axes", results: Sequence[Result]) -> None:
    """A mark for every alarm, each detector on a line of its own at the top, and a dotted line at its onset."""
    for at, result in enumerate(results):
        rows = [alarm.row for alarm in result.alarms]
        height = 1.04 + LINE / POINTS_HIGH * at
        look: dict[str, Any] = {
            "color": RED if result.detector == Urns.kind else BLACK,
            "markersize": 6,
            "clip_on": False,
        }
        at_top = panel.get_xaxis_transform()
        mark = MARKS[at % len(MARKS)]
        panel.plot(rows, [height] * len(rows), mark, transform=at_top, label=f"alarm of {result.detector}", **look)
        onsets = [alarm.onset_row for alarm in result.alarms if alarm.onset_row is not None]
        for number, row in enumerate(onsets):
            panel.axvline(row, color=RED, linestyle=":", linewidth=1, label="onset" if number == 0 else None)


def evidence(panel: "Axes", trial: Trial, trace: Trace | None, at: int, results: Sequence[Result]) -> None:
    """The evidence and the threshold, where the urn was at work."""
    if trace is None or not trace.rows:
        panel.text(0.5, 0.5, "no evidence: the urn was not among the detectors", transform=panel.transAxes, ha="center")
        panel.set_yticks([])
        return
    raised = [alarm for result in results if result.detector == Urns.kind for alarm in result.alarms]
    points = [(row - trial.before, found[at]) for row, found in zip(trace.rows, trace.evidence, strict=True)]
    points = sorted([*points, *((alarm.row, alarm.evidence) for alarm in raised)])
    panel.plot(
        [row for row, _ in points],
        [max(NOTHING, value) for _, value in points],
        color=BLUE,
        linewidth=1,
        label="evidence",
    )
    thresholds = [row - trial.before for row in trace.rows]
    panel.plot(thresholds, trace.thresholds, color=RED, linestyle="--", linewidth=1, label="threshold")
    panel.set_yscale("log")
    panel.set_ylabel("evidence")
    panel.set_ylim(NOTHING / 2, ABOVE * max(*trace.thresholds, *(found for _, found in points)))
    for alarm in raised[:NAMES]:
        words = alarm.effect if len(alarm.effect) < LONGEST else alarm.effect[: LONGEST - 1] + "…"
        place = (alarm.row, max(NOTHING, alarm.evidence))
        panel.annotate(words, place, textcoords="offset points", xytext=(4, 3), fontsize=7, parse_math=False)
