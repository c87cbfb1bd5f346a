"""How results are put on paper: JSON for programs; for people a glyph and a word, never colour alone."""

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

COMMANDS: Final = {sign: f"\\x{sign:02x}" for sign in (*range(0x20), *range(0x7F, 0xA0)) if chr(sign) not in "\n\t"}

# glyph and colour of a level, a severity or a state
SIGNS = {
    "ok": ("✓", "green"),
    "quiet": ("✓", "green"),
    "watching": ("✓", "green"),
    "resolved": ("✓", "green"),
    "recovered": ("✓", "green"),
    "accepted": ("✓", "green"),
    "info": ("i", "cyan"),
    "learning": ("…", "magenta"),
    "warning": ("!", "yellow"),
    "acknowledged": ("◐", "yellow"),
    "moved": ("~", "yellow"),
    "lagging": ("»", "yellow"),
    "silenced": ("z", "bright_black"),
    "no data": ("?", "bright_black"),
    "error": ("✗", "red"),
    "critical": ("‼", "red"),
    "drifting": ("▲", "red"),
    "firing": ("▲", "red"),
    "open": ("▲", "red"),
}


def sign(word: str) -> str:
    """`✗ error`, as rich markup.

    >>> sign("error")
    '[red]✗ error[/red]'
    """
    glyph, colour = SIGNS.get(word, ("·", "default"))
    return f"[{colour}]{glyph} {word}[/{colour}]"


def harmless(text: str) -> str:
    """A text in which whatever a terminal would obey is written out: producers decide what stands in a record.

    >>> harmless("a title:\\x1b]0;mine\\x07")
    'a title:\\\\x1b]0;mine\\\\x07'
    """
    return text.translate(COMMANDS)


def one_line(text: str) -> str:
    """A text whose line breaks are written out, for what has to stay on its line.

    >>> one_line("no model\\ncode     ok")
    'no model\\\\ncode     ok'
    """
    return text.replace("\n", r"\n")


def console() -> "Console":
    """rich on standard output, `harmless`. Text in a pipe is not cut to 80 columns; rich itself honours NO_COLOR."""
    from rich.console import Console

    class Paper(Console):
        """A reader, `head` say, that has seen enough is no failure: rich would end with status 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

        def render_str(self, text: str, **style: Any) -> "Text":
            return super().render_str(harmless(text), **style)

    terminal = sys.stdout.isatty()
    return Paper(width=None if terminal else 200, highlight=False, soft_wrap=not terminal)


def bar(share: float, width: int = 10) -> str:
    """How full, from 0 to 1.

    >>> bar(0.0), bar(0.5), bar(1.0)
    ('░░░░░░░░░░', '█████░░░░░', '██████████')
    """
    full = round(width * share)
    return "█" * full + "░" * (width - full)


def echo_findings(findings: Iterable[Mapping[str, Any]]) -> None:
    """`level subject: what`, and how to mend it below."""
    from rich.markup import escape

    paper = console()
    for one in findings:
        paper.print(f"{sign(one['level'])}  [bold]{escape(one['subject'])}[/bold]: {escape(one['what'])}")
        if one.get("mend"):
            paper.print(f"    mend: {escape(one['mend'])}")


def echo_json(value: object) -> None:
    """One JSON value, indented."""
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def echo_lines(values: Iterable[object]) -> None:
    """One JSON value a line."""
    import orjson

    for value in values:
        click.echo(orjson.dumps(value).decode())
