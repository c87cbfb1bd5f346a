"""The demo on a terminal: progress, story, evidence and incidents, drawn anew four times a second."""

from collections import deque
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.incident import Incident
from stream.demo.gauges import Gauge
from stream.demo.scene import Chapter, Scene

TIMES_A_SECOND = 4
BAR = 16
GAUGES, INCIDENTS, SENTENCES = 12, 6, 3
MARKS = {"waiting": ("·", "dim"), "going on": ("▶", "yellow"), "mended": ("○", "default")}
STATES = {"open": "red", "acknowledged": "yellow", "silenced": "dim", "resolved": "green"}


class Screen:
    """Takes the terminal for as long as the `with` block lasts; what was last seen stays."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=TIMES_A_SECOND, transient=False)
        self._said: deque[tuple[str, str]] = deque(maxlen=SENTENCES)
        self._scene: Scene | None = None

    def __enter__(self) -> "Screen":
        self._live.start()
        self._draw()
        return self

    def __exit__(self, *raised: object) -> None:
        self._live.stop()

    def say(self, sentence: str, mark: str = "·") -> None:
        """Something happened: it stays in sight for a while."""
        self._said.append((mark, sentence))
        if self._live.is_started:
            self._draw()

    def show(self, scene: Scene) -> None:
        """How it stands."""
        self._scene = scene
        self._draw()

    def _draw(self) -> None:
        parts: list[RenderableType] = [] if self._scene is None else list(drawn(self._scene))
        parts += [Text(f"{mark} {sentence}", overflow="ellipsis", no_wrap=True) for mark, sentence in self._said]
        self._live.update(Group(*parts))


def drawn(scene: Scene) -> Iterator[RenderableType]:
    """The scene as panels, from what is going on to what came of it."""
    yield Panel(_progress(scene), title="[bold]leeway demo[/bold]", title_align="left", border_style="cyan")
    yield Panel(_story(scene.chapters), title="what is done to the traffic", title_align="left", border_style="dim")
    middle = Table.grid(expand=True, padding=(0, 1))
    middle.add_column(ratio=2)
    middle.add_column(ratio=3)
    middle.add_row(
        Panel(_evidence(scene.gauges.columns), title=f"evidence · {scene.gauges.state}", title_align="left"),
        Panel(_incidents(scene.incidents), title="incidents", title_align="left"),
    )
    yield middle


def _progress(scene: Scene) -> RenderableType:
    bar = Table.grid(expand=True, padding=(0, 2))
    bar.add_column(ratio=1)
    bar.add_column(justify="right")
    bar.add_row(
        ProgressBar(total=max(1, scene.total), completed=scene.counted),
        f"{scene.counted:,} of {scene.total:,} events · {scene.per_second:,.0f}/s · {scene.seconds:.0f} s",
    )
    words = f"{scene.where} · {scene.phase} · dead letters {scene.dead} of {scene.garbage} malformed events"
    return Group(bar, Text(words, style="dim", overflow="ellipsis", no_wrap=True))


def _story(chapters: tuple[Chapter, ...]) -> Table:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(width=1)
    table.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=2, no_wrap=True, overflow="ellipsis")
    for chapter in chapters:
        mark, style = MARKS[chapter.state]
        found = bool(chapter.answer)
        table.add_row(
            Text("✔" if found else mark, style="green" if found else style),
            Text(chapter.what, style=style),
            Text(chapter.answer or ("" if chapter.state == "waiting" else "…"), style="green" if found else "dim"),
        )
    return table


def _evidence(gauges: tuple[Gauge, ...]) -> Table:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(width=BAR)
    table.add_column(no_wrap=True, width=9)
    for gauge in gauges[:GAUGES]:
        full = round(BAR * gauge.fullness)
        style = "red" if gauge.state == "drifting" else "magenta" if gauge.state == "learning" else "cyan"
        table.add_row(
            gauge.name,
            Text("█" * full, style=style) + Text("░" * (BAR - full), style="dim"),
            Text(gauge.state, style=style),
        )
    return table


def _incidents(incidents: tuple[Incident, ...]) -> Table:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True, width=8)
    table.add_column(ratio=1)
    for incident in incidents[:INCIDENTS]:
        style = STATES[incident.state]
        table.add_row(
            Text(incident.state if incident.state != "acknowledged" else "ack", style=style),
            Text(incident.summary, style="default" if incident.state == "open" else "dim"),
        )
    return table
