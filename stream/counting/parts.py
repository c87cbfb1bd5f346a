"""A pane that is too large for one message is cut: by columns, and where one column is too large, by slices.

Every part is a pane of its own: it says how many rows the subject and its slices had, because what is absent is known
only by that, but only part 0 counts them.
"""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from schemas.pane import Column, Pane, Slice

MESSAGE_BYTES = 900_000  # Kafka refuses batches of more than 1,048,588 bytes unless it is told otherwise


def parts(pane: Pane, encode: Callable[[Pane], bytes], bytes_at_most: int = MESSAGE_BYTES) -> list[Pane]:
    """The pane itself, or its parts in order."""
    cut = list(halves(pane, encode, bytes_at_most))
    for number, part in enumerate(cut):
        part.part, part.parts = number, len(cut)
    return cut


def halves(pane: Pane, encode: Callable[[Pane], bytes], bytes_at_most: int) -> Iterator[Pane]:
    """Halve until everything fits; what cannot be halved stays as it is."""
    if len(encode(pane)) <= bytes_at_most:
        yield pane
    elif len(pane.columns) > 1:
        columns = list(pane.columns.items())
        half = len(columns) // 2
        yield from halves(only(pane, dict(columns[:half])), encode, bytes_at_most)
        yield from halves(only(pane, dict(columns[half:])), encode, bytes_at_most)
    elif len(pane.slices) > 1:
        slices = list(pane.slices.items())
        half = len(slices) // 2
        yield from halves(replace(pane, slices=dict(slices[:half])), encode, bytes_at_most)
        yield from halves(replace(pane, columns={}, slices=dict(slices[half:])), encode, bytes_at_most)
    else:
        yield pane


def only(pane: Pane, columns: dict[str, Column]) -> Pane:
    """What a pane says of some of its columns."""
    return replace(
        pane,
        columns=columns,
        slices={
            name: Slice(
                rows=slice_.rows,
                nulls={column: count for column, count in slice_.nulls.items() if column in columns},
                columns={column: counts for column, counts in slice_.columns.items() if column in columns},
            )
            for name, slice_ in pane.slices.items()
        },
    )
