"""A pane that is too large for one message is cut: by columns, and where one column is too large, by slices.

Part 0 carries the rows, their times and versions; what a slice has in a later part has no rows either, so that the
parts of a pane add up to it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from schemas.pane import Column, Pane, Slice

MESSAGE_BYTES = 900_000  # Kafka refuses batches of more than 1,048,588 bytes unless it is told otherwise


def parts(pane: Pane, encode: Callable[[Pane], bytes], bytes_at_most: int = MESSAGE_BYTES) -> Iterator[Pane]:
    """The pane itself, or its parts in order."""
    for number, part in enumerate(cut(pane, encode, bytes_at_most)):
        part.part = number
        yield part


def cut(pane: Pane, encode: Callable[[Pane], bytes], bytes_at_most: int) -> Iterator[Pane]:
    """Halve until everything fits; what cannot be halved stays as it is."""
    if len(encode(pane)) > bytes_at_most and (halves := halved(pane)):
        for half in halves:
            yield from cut(half, encode, bytes_at_most)
    else:
        yield pane


def halved(pane: Pane) -> tuple[Pane, Pane] | None:
    """Two panes that add up to one, the first with the rows; None if there is only one column and at most one slice."""
    columns, slices = list(pane.columns.items()), list(pane.slices.items())
    if len(columns) > 1:
        before, after = dict(columns[: len(columns) // 2]), dict(columns[len(columns) // 2 :])
        kept = {name: Slice(rows=slice_.rows, **only(slice_, before)) for name, slice_ in slices}
        rest = {name: Slice(**found) for name, slice_ in slices if any((found := only(slice_, after)).values())}
        return replace(pane, columns=before, slices=kept), continued(pane, after, rest)
    if len(slices) > 1:
        half = len(slices) // 2
        return replace(pane, slices=dict(slices[:half])), continued(pane, {}, dict(slices[half:]))
    return None


def only(slice_: Slice, columns: dict[str, Column]) -> dict[str, Any]:
    """What a slice says of some columns."""
    return {
        "nulls": {name: count for name, count in slice_.nulls.items() if name in columns},
        "columns": {name: column for name, column in slice_.columns.items() if name in columns},
    }


def continued(pane: Pane, columns: dict[str, Column], slices: dict[str, Slice]) -> Pane:
    """A later part of a pane."""
    return Pane(subject=pane.subject, at=pane.at, worker=pane.worker, columns=columns, slices=slices)
