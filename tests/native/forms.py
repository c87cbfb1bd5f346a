"""Events of many forms, and texts that are almost such events."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from schemas.feature import Feature
from schemas.label import Label
from schemas.layout import Alike, Layout, form_of, kinds_of
from schemas.prediction import Prediction

NOW = 1_790_000_000_000
WORDS = [
    "pro",
    "free",
    "",
    "a longer text than the others, of several words",
    "Zürich",
    "東京",
    "🙂",
    "e:u",
    "\x7f",
]
TIMES: list[Callable[[Random], Any]] = [
    lambda random: NOW - random.randrange(10_000),
    lambda random: f"2026-09-21T12:{random.randrange(60):02d}:00Z",
    lambda random: NOW + random.random(),
]


def number(random: Random) -> float:
    """Numbers as producers send them, and as they hopefully do not."""
    return random.choice(
        [
            random.gauss(40, 8),
            round(random.gauss(40, 8), 3),
            random.randrange(-(10 ** random.randrange(1, 19)), 10 ** random.randrange(1, 19)),
            random.random() * 10.0 ** random.randrange(-320, 308),
            0,
            -0.0,
        ]
    )


VALUES: dict[str, Callable[[Random], Any]] = {
    "number": number,
    "text": lambda random: random.choice(WORDS),
    "truth": lambda random: random.random() < 0.5,
}
ANSWERS: list[Callable[[Random], Any]] = [
    *VALUES.values(),
    lambda random: {"value": number(random)},
    lambda random: {"label": random.choice(WORDS), "score": random.random()},
    lambda random: {"label": random.randrange(-5, 5), "score": random.random()},
    lambda random: {"label": random.random() < 0.5},
    lambda random: {"score": random.random(), "value": 1, "label": None},
]


def maker(random: Random, features: int) -> tuple[Alike, Callable[[], dict[str, Any]]]:
    """A form of event, and what makes events of it."""
    kind: Alike = random.choice([Prediction, Prediction, Prediction, Feature, Label])
    ways: dict[str, Callable[[Random], Any]] = {
        "model": lambda random: f"m{random.randrange(3)}",
        "version": lambda random: f"v{random.randrange(2)}",
        "tenant": lambda random: "acme",
        "id": lambda random: f"{random.randrange(10**6):x}",
        "traceparent": lambda random: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "ts": random.choice(TIMES),
        "sample_rate": lambda random: random.choice([1, 2.5, 1e6]),
        "segments": mapping(random, "segment", random.randrange(3), ["text"]),
        "tags": mapping(random, "tag", random.randrange(3), ["text"]),
    }
    if kind is not Label:
        ways["features"] = mapping(random, "feature", features, list(VALUES), nulls=True)
        ways["entity_id"] = VALUES["text"]
    if kind is not Feature:
        ways["prediction"] = random.choice(ANSWERS if kind is Prediction else ANSWERS[:3])
        ways["signals"] = mapping(random, "signal", random.randrange(3), ["number"], nulls=True)
        ways["prediction_id"] = VALUES["text"]
    if kind is Prediction:
        ways["latency_ms"] = lambda random: random.choice([12.5, 0, 3, None])
        ways["status"] = lambda random: random.choice(["ok", "error", "timeout", "fallback", "shed"])
        ways["feature_ts"] = random.choice(TIMES)
    if kind is Label:
        ways["label"] = random.choice(list(VALUES.values()))
        ways["label_ts"] = random.choice(TIMES)
        ways["revision"] = lambda random: random.randrange(10)
        ways["weight"] = lambda random: random.random()
        ways["op"] = lambda random: "upsert"
    names = [name for name in ways if name in ("model", "features") or random.random() < 0.6]
    names.insert(0, "kind")
    ways["kind"] = lambda random: kind.__struct_config__.tag
    random.shuffle(names)
    return kind, lambda: {name: ways[name](random) for name in names}


def mapping(
    random: Random, what: str, many: int, kinds: list[str], nulls: bool = False
) -> Callable[[Random], dict[str, Any]]:
    ways = {f"{what}_{at}": VALUES[random.choice(kinds)] for at in range(many)}
    share = random.choice([0, 0.1]) if nulls else 0
    return lambda random: {name: None if random.random() < share else way(random) for name, way in ways.items()}


def layout_of(kind: Alike, tree: dict[str, Any], full: dict[str, Any]) -> Layout | None:
    """The layout that the form of one event gets, with the kinds of the columns of another that has no nulls."""
    form = form_of(tree, kind)
    return None if form is None else Layout(form, kinds_of(full, form))


STYLES: list[Callable[[Any], bytes]] = [
    lambda tree: json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode(),
    lambda tree: json.dumps(tree, ensure_ascii=False).encode(),
    lambda tree: json.dumps(tree, ensure_ascii=False, indent="\t").replace("\n", "\r\n").encode(),
    lambda tree: json.dumps(tree, ensure_ascii=False, separators=(" ,", " : ")).encode() + b" \n",
    lambda tree: json.dumps(tree).encode(),  # escapes
]
TOKENS = [
    *(b"null true false NaN Infinity nul 1. .5 01 -01 +1 1e 1e5 1E+5 -0 -0.0 1e400 1e-400 5e-324 0x10 1_0".split()),
    *(b'1e99999 0.1e-99999 123456789012345678901234567890 9007199254740993 "x" "" [] {} , : } { ]'.split()),
    *(b'"\\u0061" "\\" \xff \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 "\x1f" \xef\xbb\xbf \xc2\xa0 " ""'.split()),
    b" ",
    b"\n",
    b"\x0b",
    b"\x00",
]


def almost(random: Random, text: bytes, other: bytes) -> bytes:
    """A text with one thing done to it that a careless hand, or a worn wire, might do."""
    at, to = sorted((random.randrange(len(text) + 1), random.randrange(len(text) + 1)))
    near = min(len(text), at + random.randrange(1, 30))
    ways: list[Callable[[], bytes]] = [
        lambda: text[:at],
        lambda: text[at:],
        lambda: text[:at] + text[near:],
        lambda: text[:near] + text[at:],
        lambda: text[:at] + random.choice(TOKENS) + text[at:],
        lambda: text[:at] + random.choice(TOKENS) + text[near:],
        lambda: text[:at] + bytes([random.randrange(256)]) + text[at + 1 :],
        lambda: text[:at] + bytes([text[at] ^ 1 << random.randrange(8)]) + text[at + 1 :] if at < len(text) else text,
        lambda: text[:at] + other[at:],
        lambda: text[:at] + text[at:to] + text[at:],
        lambda: with_value(random, text),
        lambda: with_value(random, text),
        lambda: with_value(random, text),
    ]
    return random.choice(ways)()


def with_value(random: Random, text: bytes) -> bytes:
    """Another token where a value stands."""
    colons = [at for at, sign in enumerate(text) if sign == ord(":")]
    if not colons:
        return text
    first = random.choice(colons) + 1
    ends = [end for end in (text.find(sign, first) for sign in (b",", b"}")) if end >= 0]
    return text[:first] + random.choice(TOKENS) + text[min(ends, default=len(text)) :]


def texts(seed: int, features: int, events: int) -> Iterator[tuple[Layout, list[bytes], list[bytes]]]:
    """Layouts, each with texts of its form, and with texts that are almost so."""
    random = Random(seed)
    while True:
        kind, make = maker(random, features)
        trees = [make() for _ in range(events)]
        full = trees[0] if "features" not in trees[0] else merged(trees)
        layout = layout_of(kind, trees[0], full)
        if layout is None:
            continue
        good = [random.choice(STYLES)(tree) for tree in trees]
        bad = [almost(random, text, random.choice(good)) for text in good for _ in range(4)]
        yield layout, good, bad


def merged(trees: list[dict[str, Any]]) -> dict[str, Any]:
    """An event none of whose features is null, if any of these has a value for it."""
    features: dict[str, Any] = {}
    for tree in trees:
        features |= {name: value for name, value in tree["features"].items() if value is not None}
    return {**trees[0], "features": features}
