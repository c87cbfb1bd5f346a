"""What a decoder raises at bytes that it cannot read, and what it complains of, as words for a sentence.

msgspec raises errors of its own for what is malformed or of the wrong type, and those of Python for texts that are not
UTF-8 (ValueError) and for what is nested too deeply. It spells places as `$.age`, between backticks, and quotes a value
that it does not know, however long that is.

>>> Person = msgspec.defstruct("Person", [("age", int)])
>>> try:
...     msgspec.json.decode(b'{"age":"41"}', type=Person)
... except UNREADABLE as error:
...     print(error, in_words(error), sep="\\n")
Expected `int`, got `str` - at `$.age`
Expected 'int', got 'str' - at 'age'
"""

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)
LENGTH: Final = 500  # of a complaint


def in_words(error: Exception) -> str:
    """What a decoder complains of, with plain quotation marks, and not too long."""
    said = str(error).replace("`", "'").replace("$.", "")
    return said if len(said) <= LENGTH else f"{said[:LENGTH]}…"
