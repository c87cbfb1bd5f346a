"""How a text is called in a pane: public ones by themselves, private ones by a keyed hash, rare ones by a bucket.

Panes live for months and are read by many, so the texts of features leave the worker as keyed hashes (BLAKE2, RFC 7693,
section 2.9) unless their feature is declared public. Classes, statuses, segments and versions are public by their
nature. Without a key the hash is the same everywhere, and who can guess a text can check the guess.

>>> texts = Texts(key=b"secret", public=("plan*",))
>>> texts.called("pro", public=texts.is_public("feature:plan")), texts.called(True, public=False)
('pro', 'true')
>>> texts.called("ann@example.com", public=texts.is_public("feature:mail"))
'h:a1a35ea490c4'
"""

import re
from fnmatch import fnmatchcase
from hashlib import blake2b

from detectors.binning import Categories, tail

NAME_LENGTH = 128  # a longer text is nobody's category; it leaves as a hash, public or not
CACHED = 200_000  # texts whose names are remembered: about 30 MB
HASH_BYTES = 6  # two of a million texts share a hash once in 600 times
LIKE_A_TAIL = re.compile(r"#+\d+")  # "#7" is a bucket of rare texts, so a text that looks like one gets another "#"


class Texts:
    """Names of texts, remembered because the same few come again and again."""

    def __init__(self, key: bytes, public: tuple[str, ...]) -> None:
        self._key = key if len(key) <= blake2b.MAX_KEY_SIZE else blake2b(key).digest()
        self._patterns = public
        self._public: dict[str, str] = {}
        self._private: dict[str, str] = {}
        self._tails: dict[tuple[str, int], str] = {}
        self._columns: dict[str, bool] = {}

    def is_public(self, column: str) -> bool:
        """Whether the texts of a column may be read by everybody."""
        public = self._columns.get(column)
        if public is None:
            make_room(self._columns)
            family, _, name = column.partition(":")
            public = family != "feature" or any(fnmatchcase(name, pattern) for pattern in self._patterns)
            self._columns[column] = public
        return public

    def called(self, text: str | bool, *, public: bool) -> str:
        """The name of a text or boolean."""
        if isinstance(text, bool):
            return "true" if text else "false"
        known = self._public if public else self._private
        name = known.get(text)
        if name is None:
            make_room(known)
            name = known[text] = readable(text) if public and is_name(text) else self._hashed(text)
        return name

    def counted_as(self, name: str, own: Categories) -> str:
        """Where a name is counted in a binning with a tail: under itself, or in its bucket "#0" to "#15"."""
        if not own.tails or name in own.position:
            return name
        bucket = self._tails.get((name, own.tails))
        if bucket is None:
            make_room(self._tails)
            bucket = self._tails[name, own.tails] = f"#{tail(name, own.tails)}"
        return bucket

    def _hashed(self, text: str) -> str:
        return "h:" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES, key=self._key).hexdigest()


def make_room(cache: dict) -> None:  # type: ignore[type-arg]
    """Forget everything when too much is remembered: rare, and cheaper than knowing what was used last."""
    if len(cache) >= CACHED:
        cache.clear()


def is_name(text: str) -> bool:
    """Whether a text can stand for itself: not too long, and expressible in UTF-8."""
    return len(text) <= NAME_LENGTH and (text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text))


def readable(text: str) -> str:
    """The text itself, unless it looks like a bucket of rare texts."""
    return "#" + text if LIKE_A_TAIL.fullmatch(text) else text
