"""The tables of a result file as Markdown, for docs/performance.md: `python -m benchmarks.report FILE`.

>>> print(markdown([{"way": "bare", "us per event": 0.9}]))
| way | us per event |
|---|---:|
| bare | 0.9 |
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def markdown(rows: Sequence[Row]) -> str:
    """Rows with the same keys, as a table. What has nothing in any row is no column."""
    names = [name for name in rows[0] if any(row[name] not in ("", None) for row in rows)]
    sides = ["---:" if all(isinstance(row[name], int | float | None) for row in rows) else "---" for name in names]
    lines = [names, *([shown(row[name]) for name in names] for row in rows)]
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, f"|{'|'.join(sides)}|", *body])


def shown(value: Any) -> str:
    """A cell.

    >>> shown(None), shown(49_814), shown(0.5)
    ('-', '49,814', '0.5')
    """
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def tables(result: dict[str, Any]) -> Iterator[str]:
    """All of a result: when each part was measured, its rows, and last the bars."""
    parts = result["parts"].values()
    yield markdown([when(name, part) for name, part in result["parts"].items()])
    yield from (markdown(part["rows"]) for part in parts)
    if bars := [bar for part in parts for bar in part["bars"]]:
        yield markdown(bars)


def when(name: str, part: dict[str, Any]) -> Row:
    """How busy the machine was: the load average before and after (2 is all that two cores can do)."""
    before, after = part["load"]
    measured = part["measured"] + (", --quick" if part["quick"] else "")
    return {"part": name, "measured (UTC)": measured, "seconds": part["seconds"], "load": f"{before} - {after}"}


if __name__ == "__main__":
    print("\n\n".join(tables(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
