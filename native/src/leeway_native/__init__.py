"""Events of one layout from bytes to columns, in C++: the same rows as the pure decoder's, or none.

A text of JSON is a row if it is exactly what the steps say: these keys in this order, each once, with values of these
kinds within these limits; valid UTF-8 without escapes and control characters; numbers of the JSON grammar that are
finite. So is a message of msgpack, whose maps and lists say in as few bytes as that takes how many entries they have;
numbers in one piece may be NaN, which is null.
Everything else is refused, and read by whoever can say what is wrong with it.

>>> steps = [
...     Step("open"),
...     Step("text", key="model", least=1, most=128, sink="whose"),
...     Step("number", key="age", nullable=True, sink="cell"),
...     Step("close"),
... ]
>>> refused, words, identities, whose, cells = Decoder(steps).block(
...     [b'{"model":"churn","age":41}', b'{"model":"churn","age":"41"}', b'{ "model": "churn", "age": null }']
... )
>>> refused, words, identities, whose.tolist(), cells.tolist()
([1], [None], [('churn',)], [0, 0], [[41.0], [nan]])
"""

from leeway_native._native import Decoder as Decoder
from leeway_native._native import Step as Step

INTERFACE = 2  # grows when steps or blocks mean something else than before
