"""What a worker saw since its last transaction, in columns, so that nothing is done row by row twice.

A row belongs to a *lot*: the rows of one subject (its *sheet*) that have the same columns. The quotas are checked
where a sheet or a lot is met for the first time. Rows of one layout (`schemas.layout`) are admitted many at a time and
kept as a matrix. Any other row is admitted by itself; every few thousand such rows are *settled*: their values are
flattened, told apart by type, and kept as numbers, codes of texts, and nulls, each with its row and its group. The
events themselves are let go.

>>> from schemas.prediction import Prediction
>>> tally = Tally(columns=100, sheets=10)
>>> tally.admit(Prediction(model="churn", ts=5, features={"age": 41, "plan": "pro"}, prediction=0.8), 7)
>>> cells = tally.cells()
>>> [(tally.names[column.table.place[0]], column.table.values.tolist()) for column in cells.numbers]
[('feature:age', [[41.0]]), ('prediction:value', [[0.8]])]
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, repeat
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from schemas.dead_letter import Reason
from schemas.feature import Feature
from schemas.label import Label
from schemas.layout import Layout
from schemas.prediction import Answer, Prediction
from schemas.subject import Subject, subject_of
from stream.counting import embeddings
from stream.counting.block import Block
from stream.counting.cells import (
    ANSWERED,
    FIXED,
    INTS,
    LABEL,
    LATENCY,
    OTHER,
    OUTPUTS,
    SCORE,
    SEGMENT,
    STATUS,
    TRUTH,
    UNVERSIONED,
    VALUE,
    VERSION,
    Cells,
    Codes,
    Columns,
    Lot,
    together,
)
from stream.counting.columns import Floats, Ints, single
from stream.counting.rows import Rows

Counted = Prediction | Feature | Label

SUBJECT = ("model", "deployment", "environment", "tenant")
NAMED = ("feature", "signal", "segment")  # the families whose columns are named by the user

SETTLED_ROWS = 4096  # rows wait as events of 2 to 3 kB and are kept as arrays of half a kB

NUMBER, TEXT, NULL, ABSENT = range(4)
TYPES = {float: NUMBER, int: NUMBER, str: TEXT, bool: TEXT, type(None): NULL, UnsetType: ABSENT}


Shape = tuple[tuple[str, ...], ...]  # names of the features, the signals, the segments, and embeddings if there are any


def columns_of(shape: Shape) -> dict[str, int]:
    """The columns of rows of one shape, in their order, with their roles; but for those of embeddings, which are not
    cells of the row."""
    return {
        f"{kind}:{name}": SEGMENT if kind == "segment" else OTHER
        for kind, part in zip(NAMED, shape, strict=False)
        for name in part
    }


class Sheet:
    """One subject: its groups by the name of their column, and its lots."""

    __slots__ = ("groups", "id", "lots", "subject")

    def __init__(self, id: int, subject: Subject, first: int) -> None:
        self.id = id
        self.subject = subject
        self.groups = {name: first + at for at, name in enumerate(FIXED)}
        self.lots: dict[Shape, Lot] = {}


@dataclass(slots=True)
class Waiting:
    """Admitted rows of one kind of event that are not settled yet."""

    events: list[Any] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    named: list[dict[str, Any]] = field(default_factory=list)  # features, signals and segments, row after row
    embedded: list[int] = field(default_factory=list)  # the rows that have embeddings


class Piece(NamedTuple):
    """Settled rows that were admitted one by one, in arrays. Rows are numbered from the first of them."""

    lot: Ints
    ts: Ints
    arrived: Ints
    weight: Floats
    number_rows: Ints
    number_groups: Ints
    numbers: Floats
    text_rows: Ints
    text_groups: Ints
    codes: Ints
    null_rows: Ints
    null_groups: Ints


Part = tuple[Ints, Ints, list[Any]]  # rows, groups, values
Known = tuple[Ints, Ints, Floats]  # the same, of numbers


class Tally:
    """Rows and their cells. `columns` bounds one subject, `sheets` the number of subjects, and embeddings are looked at
    along `projections` directions, or not at all if that is 0."""

    def __init__(self, columns: int, sheets: int, projections: int = 0) -> None:
        self._bound = columns
        self._projections = projections
        self._sheets_bound = sheets
        self._columns: dict[Shape, dict[str, int]] = {}
        self._found: dict[tuple[Any, ...], Sheet] = {}
        self._by_subject: dict[Subject, Sheet] = {}
        self._waiting: dict[type, Waiting] = {Prediction: Waiting(), Feature: Waiting(), Label: Waiting()}
        self._pieces: list[Piece] = []
        self._settled = 0
        self.rows = 0
        self.admitted: Counter[type] = Counter()  # settled rows by kind
        self.sheets: list[Sheet] = []
        self.lots: list[Lot] = []
        self.names: list[str] = []  # of each group its column
        self.roles: list[int] = []  # of each group which output it is, or OTHER, SEGMENT, VERSION
        self.codes = Codes()
        self._alike: dict[Layout, Rows] = {}  # by one layout of each shape

    def admit(self, event: Counted, arrived: int) -> Reason | None:
        """Take a row in, or say why it is one too many. `arrived` is Kafka's time for it, in milliseconds."""
        kind = type(event)
        features: dict[str, Any] | UnsetType = UNSET
        signals: dict[str, Any] | UnsetType = UNSET
        segments, feature_set = event.segments, None
        if kind is not Label:
            features = event.features  # type: ignore[union-attr]
        if kind is not Feature:
            signals = event.signals  # type: ignore[union-attr]
        else:
            feature_set = event.feature_set  # type: ignore[union-attr]
        whose = (kind, event.model, event.deployment, event.environment, event.tenant, feature_set)
        sheet = self._found.get(whose) or self._sheet(whose, subject_of(event))
        if isinstance(sheet, Reason):
            return sheet
        shape: Shape = (tuple(features or ()), tuple(signals or ()), tuple(segments or ()))
        embedded = kind is Prediction and event.embeddings and self._projections  # type: ignore[union-attr]
        if embedded:
            shape = (*shape, tuple(event.embeddings))  # type: ignore[union-attr, arg-type]
        lot = sheet.lots.get(shape) or self._lot(sheet, shape)
        if isinstance(lot, Reason):
            return lot
        waiting = self._waiting[kind]
        if embedded:
            waiting.embedded.append(len(waiting.events))
        waiting.events.append(event)
        waiting.arrived.append(arrived)
        waiting.lots.append(lot)
        if features:
            waiting.named.append(features)
        if signals:
            waiting.named.append(signals)
        if segments:
            waiting.named.append(segments)
        self.rows += 1
        if len(waiting.events) >= SETTLED_ROWS:
            self._settle()
        return None

    def alike(self, layout: Layout) -> Rows:
        """The rows of all layouts of the shape of this one; their identities have the places that `Block.whose` has."""
        return self._alike.get(layout.like) or self._alike.setdefault(layout.like, Rows(layout.like))

    def admit_block(
        self,
        layout: Layout,
        block: Block,
        ts: Ints,
        arrived: Ints,
        good: Callable[[Iterable[str]], bool] = lambda names: True,
    ) -> NDArray[np.bool_] | None:
        """Take in rows of one shape whose identities are `good`; return which ones are not, or are too many (`admit`
        says why), if any."""
        alike = self.alike(layout)
        if unmet := alike.unmet():
            lots = (self._lot_of(own, who) if good(own.said(who).values()) else None for own, who in unmet)
            alike.meet([None if isinstance(lot, Reason) else lot for lot in lots])
        refused = alike.refused(block)
        if refused.any():
            block, ts, arrived = block.only(~refused), ts[~refused], arrived[~refused]
        if len(block):
            alike.add(block, ts, arrived)
            self.rows += len(block)
            self.admitted[layout.kind] += len(block)
        return refused if refused.any() else None

    def cells(self) -> Cells:
        """Everything that was admitted."""
        self._settle()
        roles = np.array(self.roles, np.int64)
        parts = [alike.cells(roles, self.codes) for alike in self._alike.values() if alike.any]
        if self._pieces:
            parts.append(one_by_one(Piece(*map(np.concatenate, zip(*self._pieces, strict=True))), roles))
        return together(parts, len(self.names))

    def refusal(self, layout: Layout, identities: Sequence[Any]) -> Reason | None:
        """Why rows of some of these identities would be too many, if they are."""
        lots = (self._lot_of(layout, who) for who in identities)
        return next((lot for lot in lots if isinstance(lot, Reason)), None)

    def _lot_of(self, layout: Layout, who: Any) -> tuple[Lot, int] | Reason:
        """The lot of rows that say this of whose they are, and the code of their version; or why they are too many."""
        said = layout.said(who)
        feature_set = said.get("feature_set", UNSET) if layout.kind is Feature else None
        whose = (layout.kind, *(said.get(name, UNSET) for name in SUBJECT), feature_set)
        sheet = self._found.get(whose) or self._sheet(whose, layout.subject(said))
        if isinstance(sheet, Reason):
            return sheet
        lot = sheet.lots.get(layout.named) or self._lot(sheet, layout.named)
        return lot if isinstance(lot, Reason) else (lot, self.codes[said.get("version", UNVERSIONED)])

    def _sheet(self, whose: tuple[Any, ...], subject: Subject) -> Sheet | Reason:
        sheet = self._by_subject.get(subject)
        if sheet is None:
            if len(self.sheets) >= self._sheets_bound:
                return Reason(
                    "over_quota",
                    f"model '{subject.model}' (deployment '{subject.deployment}', {subject.source}s) would be one "
                    f"subject too many: a worker counts at most {self._sheets_bound:,} at once",
                    "Check that 'model', 'deployment', 'tenant' and 'environment' do not hold an id that changes with "
                    "every event, or raise profile.subjects",
                )
            sheet = Sheet(len(self.sheets), subject, len(self.names))
            self.sheets.append(sheet)
            self.names.extend(FIXED)
            self.roles.extend(range(len(FIXED)))
            self._by_subject[subject] = sheet
        self._found[whose] = sheet
        return sheet

    def _lot(self, sheet: Sheet, shape: Shape) -> Lot | Reason:
        names = self._columns.get(shape) or self._columns.setdefault(shape, columns_of(shape))
        embedded = {name: embeddings.columns(name, self._projections) for name in chain(*shape[len(NAMED) :])}
        unknown = [name for name in chain(names, *embedded.values()) if name not in sheet.groups]
        many = len(sheet.groups) + len(unknown)
        if many > self._bound + len(FIXED):
            return Reason(
                "over_quota",
                f"model '{sheet.subject.model}' would have more than {self._bound:,} columns at once, "
                f"with '{unknown[0]}'",
                "Check that features, signals and segments have the same names in all events, or raise profile.columns",
            )
        sheet.groups.update(zip(unknown, count(len(self.names)), strict=False))
        self.names.extend(unknown)
        self.roles.extend(map(names.get, unknown, repeat(OTHER)))
        groups = list(map(sheet.groups.__getitem__, names))
        lot = sheet.lots[shape] = Lot(len(self.lots), sheet.id, groups, sheet.groups[OUTPUTS[0]])
        lot.embedded = {name: sheet.groups[columns[0]] for name, columns in embedded.items()}
        self.lots.append(lot)
        return lot

    def _settle(self) -> None:
        for kind, waiting in self._waiting.items():
            if waiting.events:
                self._waiting[kind] = Waiting()
                self._pieces.append(settled(kind, waiting, self._settled, self.codes, self._projections))
                self._settled += len(waiting.events)
                self.admitted[kind] += len(waiting.events)


def one_by_one(piece: Piece, roles: Ints) -> Cells:
    """The cells of rows that were admitted by themselves. `roles` are by group."""

    def columns(rows: Ints, groups: Ints, values: NDArray[Any]) -> list[Columns]:
        role = roles[groups]
        chosen = [(one, np.flatnonzero(role == one)) for one in np.unique(role).tolist()]
        return [
            Columns(rows[mine], np.array([one]), single(groups[mine], values[mine], roles.size)) for one, mine in chosen
        ]

    return Cells(
        lot=piece.lot,
        ts=piece.ts,
        arrived=piece.arrived,
        weight=piece.weight,
        numbers=columns(piece.number_rows, piece.number_groups, piece.numbers),
        texts=columns(piece.text_rows, piece.text_groups, piece.codes),
        null_rows=piece.null_rows,
        null_groups=piece.null_groups,
        absent_rows=INTS,
        absent_groups=INTS,
    )


def settled(kind: type, waiting: Waiting, first_row: int, codes: Codes, projections: int) -> Piece:
    """Turn waiting rows into arrays."""
    events, many = waiting.events, len(waiting.events)
    rows, firsts = np.arange(first_row, first_row + many), of_each("first", waiting.lots)
    groups = np.concatenate(list(map(attrgetter("groups"), waiting.lots)))
    values = list(chain.from_iterable(map(dict.values, waiting.named)))
    parts: list[Part] = [(np.repeat(rows, of_each("width", waiting.lots)), groups, values)]
    versions = [version or UNVERSIONED for version in map(attrgetter("version"), events)]
    numbers: list[Known] = []
    texts: list[Part] = [(rows, firsts + VERSION, versions)]
    if kind is Prediction:
        parts += answers(rows, firsts, list(map(attrgetter("prediction"), events)))
        parts.append((rows, firsts + LATENCY, list(map(attrgetter("latency_ms"), events))))
        texts.append((rows, firsts + STATUS, [status or ANSWERED for status in map(attrgetter("status"), events)]))
    elif kind is Label:
        truths = [UNSET if event.op == "retract" else event.label for event in events]
        parts.append((rows, firsts + TRUTH, truths))
    if waiting.embedded:
        add_embeddings(waiting, first_row, projections, numbers, texts)
    rates = list(map(attrgetter("sample_rate"), events))
    return Piece(
        of_each("id", waiting.lots),
        of_each("ts", events),
        np.array(waiting.arrived, np.int64),
        np.array([rate or 1.0 for rate in rates], np.float64),
        *told_apart(parts, numbers, texts, codes),
    )


def add_embeddings(waiting: Waiting, first_row: int, projections: int, numbers: list[Known], texts: list[Part]) -> None:
    """Project the embeddings of the rows that have any: of one subject and name all at once."""
    alike: dict[tuple[str, int], list[int]] = {}
    for row in waiting.embedded:
        for name, first in waiting.lots[row].embedded.items():
            alike.setdefault((name, first), []).append(row)
    for (name, first), whose in alike.items():
        found = embeddings.projected(name, [waiting.events[row].embeddings[name] for row in whose], projections)
        rows, width = np.array(whose, np.int64) + first_row, projections + 1
        groups = np.tile(np.arange(first, first + width), len(found.right))
        numbers.append((np.repeat(rows[found.right], width), groups, found.values.ravel()))
        if found.wrong:
            norm = np.full(len(found.wrong), first + projections)
            texts.append((rows[found.wrong], norm, list(found.words)))


def of_each(name: str, things: list[Any]) -> Ints:
    """An attribute of each thing, which is an integer."""
    return np.fromiter(map(attrgetter(name), things), np.int64, len(things))


def told_apart(parts: Sequence[Part], known: Sequence[Known], texts: Sequence[Part], codes: Codes) -> tuple[Any, ...]:
    """Numbers, texts (with booleans) and nulls of cells of any type, with cells known to be numbers or texts.

    Types are looked at one by one: numpy alone would take `True` for 1 and `"1"` for a number.
    """
    rows = np.concatenate([part[0] for part in parts])
    groups = np.concatenate([part[1] for part in parts])
    values = list(chain.from_iterable(part[2] for part in parts))
    types = np.frombuffer(bytes(map(TYPES.__getitem__, map(type, values))), np.uint8)
    cells = np.empty(len(values), object)
    cells[:] = values
    number, text, null = types == NUMBER, types == TEXT, types == NULL
    numbers = np.concatenate([as_floats(cells[number]), *(part[2] for part in known)])
    finite = np.isfinite(numbers)
    number_rows = np.concatenate([rows[number], *(part[0] for part in known)])
    number_groups = np.concatenate([groups[number], *(part[1] for part in known)])
    null_rows, null_groups = rows[null], groups[null]
    if not finite.all():
        null_rows = np.concatenate([null_rows, number_rows[~finite]])
        null_groups = np.concatenate([null_groups, number_groups[~finite]])
        number_rows, number_groups, numbers = number_rows[finite], number_groups[finite], numbers[finite]
    words = [cells[text].tolist(), *(part[2] for part in texts)]
    return (
        number_rows,
        number_groups,
        numbers,
        np.concatenate([rows[text], *(part[0] for part in texts)]),
        np.concatenate([groups[text], *(part[1] for part in texts)]),
        np.fromiter(map(codes.__getitem__, chain.from_iterable(words)), np.int64, sum(map(len, words))),
        null_rows,
        null_groups,
    )


def as_floats(numbers: Sequence[Any] | NDArray[Any]) -> Floats:
    """Doubles; null becomes NaN, and an integer beyond doubles is as infinite as they get."""
    try:
        return np.array(numbers, np.float64)
    except OverflowError:
        return np.array([as_float(number) for number in numbers], np.float64)


def as_float(number: int | float | None) -> float:
    """One number as a double."""
    try:
        return math.nan if number is None else float(number)
    except OverflowError:
        return math.inf


def answers(rows: Ints, firsts: Ints, predictions: list[Any]) -> list[Part]:
    """Where predictions count: numbers and nulls as value, texts and booleans as label, answers by their parts."""
    kinds = set(map(type, predictions))
    value = np.full(len(predictions), VALUE)
    if str in kinds or bool in kinds:
        value[[isinstance(prediction, str | bool) for prediction in predictions]] = LABEL
    if Answer not in kinds:
        return [(rows, firsts + value, predictions)]
    full = [at for at, prediction in enumerate(predictions) if isinstance(prediction, Answer)]
    given: list[Answer] = [predictions[at] for at in full]
    return [
        (rows, firsts + value, [UNSET if isinstance(prediction, Answer) else prediction for prediction in predictions]),
        (rows[full], firsts[full] + VALUE, [absent_if_none(answer.value) for answer in given]),
        (rows[full], firsts[full] + LABEL, [absent_if_none(class_of(answer)) for answer in given]),
        (rows[full], firsts[full] + SCORE, [absent_if_none(answer.score) for answer in given]),
    ]


def class_of(answer: Answer) -> str | bool | None:
    """The class that was answered; a class that is called by an integer is a class all the same."""
    return str(answer.label) if isinstance(answer.label, int) and not isinstance(answer.label, bool) else answer.label


def absent_if_none(value: Any) -> Any:
    """The parts of an answer that are not given look like nulls; they are absent."""
    return UNSET if value is None else value
