"""Events from bytes to columns, and columns to counts, in C++: the same rows as the pure decoder's, or none.

A text of JSON is a row if it is exactly what the steps say: these keys in this order, each once, with values of these
kinds within these limits; valid UTF-8 without escapes and control characters; numbers of the JSON grammar that are
finite. So is a message of msgpack, whose maps and lists say in as few bytes as that takes how many entries they have;
numbers in one piece may be NaN, which is null.
Everything else is refused, and read by whoever can say what is wrong with it. Texts come in runs, each for a decoder of
its own; the decoders of one block have as many cells, and identities of as many words. Whose a row is, is a number of
its `Owners`, which last for many blocks; a block tells of those that are new, by their run and their words.

>>> steps = [
...     Step("open"),
...     Step("text", key="model", least=1, most=128, sink="whose"),
...     Step("number", key="age", nullable=True, sink="cell"),
...     Step("close"),
... ]
>>> texts = [b'{"model":"churn","age":41}', b'{"model":"churn","age":"41"}', b'{ "model": "churn", "age": null }']
>>> decoder, owners = Decoder(steps), Owners()
>>> refused, words, fresh, whose, cells = block([(decoder, 3)], texts, owners)
>>> refused, words, fresh, whose.tolist(), cells.tolist()
([1], [None], [(0, ('churn',))], [0, 0], [[41.0], [nan]])
>>> refused, words, fresh, whose, cells = block([(decoder, 2)], [b'{"model":"fraud","age":1}', texts[0]], owners)
>>> fresh, whose.tolist()
([(0, ('fraud',))], [1, 0])

By which decoder to try a text first, its model says, which a glance finds that proves nothing.

>>> names, which = models([*texts, b'{"features":{},"model":"fraud"}', b"[]"])
>>> names, which.tolist()
([None, 'churn', 'fraud'], [1, 1, 1, 2, 0])

Whether messages are written in one way, and when they came, is a glance, too.

>>> alike(texts, [None, None, None], 1_000), alike(texts, [None, [], None], 1_000), alike([b"\\x81"], [None], 1_000)
(False, None, True)
>>> times([(1, 1_769_851_800_000), (2, 1_769_851_800_001)]).tolist(), times([(0, -1)])
([1769851800000, 1769851800001], None)

Numbers are counted by bucket, or by bin in groups with cuts.

>>> from numpy import array
>>> numbers = array([[0.0, 1.0, -0.0, 1.0]])
>>> lengths, at, counts = Buckets().counted(numbers, starts=array([0, 3]), cuts=array([1]), lengths=array([0, 1]))
>>> lengths.tolist(), at.tolist(), counts.tolist()
([2, 1], [0, 1047552, 1], [2, 1, 1])

Counts are written as lists of JSON, many at a time.

>>> lists(array([-5, 7, 40, 3]), array([3, 4]))
[b'[-5,7,40]', b'[3]']
"""

from leeway_native._native import Buckets as Buckets
from leeway_native._native import Decoder as Decoder
from leeway_native._native import Owners as Owners
from leeway_native._native import Step as Step
from leeway_native._native import alike as alike
from leeway_native._native import block as block
from leeway_native._native import lists as lists
from leeway_native._native import models as models
from leeway_native._native import times as times

INTERFACE = 6  # grows when anything here means something else than before
