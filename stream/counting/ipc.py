"""Arrow IPC streams from anybody: record batches that were checked in full, or why there are none.

A stream is untrusted bytes. It is refused before its content is touched where that could be larger than the message: a
compressed body may hold gigabytes, and columns of nulls cost no bytes at all. What is read is checked by Arrow in full
(`validate`): offsets, lengths, indices, UTF-8. Format: https://arrow.apache.org/docs/format/Columnar.html.

>>> batches(b"no stream at all").message
'not an Arrow stream: Expected to read 1931505518 metadata bytes, but only read 12'
"""

from struct import error as StructError
from struct import unpack_from
from typing import Any, Final, NamedTuple

import pyarrow as pa

from schemas.dead_letter import Reason

ROWS: Final = 65_536  # of one message: as many as a cut waits for
CELLS: Final = 4_000_000  # of one message: 32 MB once they are doubles
COLUMNS: Final = 2_048  # with those inside of others; far more than any event may have
UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, LookupError, MemoryError, OverflowError, StructError)

DICTIONARY, BATCH = "dictionary", "record batch"
HEADER, DATA, COMPRESSION = 2, 1, 3  # places of fields: of a message, a dictionary and a batch (Message.fbs of Arrow)


def batches(value: bytes) -> list[Any] | Reason:
    """The record batches of a stream. Never raises."""
    try:
        if _compressed(value):
            hint = "Leave it to the producer to compress whole batches of messages (compression.type=lz4)."
            return Reason("bad_json", "the bodies of the Arrow stream are compressed", hint)
        options = pa.ipc.IpcReadOptions(use_threads=False)
        with pa.ipc.open_stream(value, options=options) as stream:
            return _read(stream)
    except UNREADABLE as error:
        return unreadable(error)


def unreadable(error: Exception) -> Reason:
    """The reason for what Arrow complains of."""
    message = (str(error).splitlines() or [type(error).__name__])[0][:200]
    hint = "Send one Arrow IPC stream a message, as pyarrow.ipc.new_stream writes it; not the file format."
    return Reason("bad_json", f"not an Arrow stream: {message}", hint)


def _read(stream: Any) -> list[Any] | Reason:
    wide = sum(max(1, kind.num_fields) for kind in stream.schema.types)
    if wide > COLUMNS:
        return Reason("too_large", f"{wide:,} columns; at most {COLUMNS:,} are read", "Send fewer columns.")
    found: list[Any] = []
    rows = 0
    for batch in stream:
        rows += batch.num_rows
        if rows > ROWS or rows * wide > CELLS:
            message = f"{rows:,} rows of {wide:,} columns or more; at most {ROWS:,} rows, or {CELLS:,} values, are read"
            return Reason("too_large", message, "Send fewer rows in one message.")
        batch.validate(full=True)
        found.append(batch)
    return found


def _compressed(value: bytes) -> bool:
    """Whether any message of a stream has a compressed body."""
    return any(
        compressed(message.metadata.to_pybytes(), message.type)
        for message in pa.ipc.MessageReader.open_stream(value)
        if message.type in (BATCH, DICTIONARY)
    )


class Table(NamedTuple):
    """A table of a flatbuffer, as far as it takes to find a field."""

    data: bytes
    at: int

    def field(self, number: int) -> "Table | None":
        """Where a field stands; None if it is not there."""
        places = self.at - unpack_from("<i", self.data, self.at)[0]
        place = 4 + 2 * number
        if place >= unpack_from("<H", self.data, places)[0]:
            return None
        offset = unpack_from("<H", self.data, places + place)[0]
        return Table(self.data, self.at + offset) if offset else None

    def referred(self) -> "Table":
        """The table that stands where this field points."""
        return Table(self.data, self.at + unpack_from("<I", self.data, self.at)[0])


def compressed(metadata: bytes, kind: str) -> bool:
    """Whether a message says that its body is compressed. It says so, too, if it cannot be told."""
    header = Table(metadata, 0).referred().field(HEADER)
    if header is not None and kind == DICTIONARY:
        header = header.referred().field(DATA)
    return header is None or header.referred().field(COMPRESSION) is not None
