"""The committed JSON Schemas are those of the types, and they refuse what the reader refuses."""

import json

import jsonschema_rs
import msgspec
import pytest

from schemas.dead_letter import Reason
from schemas.decode import Reader
from schemas.generate import document, documents
from tests.schemas.corpus import AT_MS, WRONG_SHAPE
from tests.schemas.regenerate import GENERATED
from tests.schemas.test_nothing_raises import FULL
from tests.schemas.test_records import GOOD_RECORDS


def test_the_committed_files_are_those_of_the_types():
    committed = {file.name: file.read_bytes() for file in GENERATED.glob("*.json")}
    assert committed == documents(), "run `python -m tests.schemas.regenerate` and commit what it wrote"


@pytest.mark.parametrize("name", documents())
def test_every_document_is_a_schema_of_2020_12(name):
    schema = json.loads(documents()[name])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("urn:leeway:schema:")
    assert schema["title"]
    jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize("kind", FULL)
def test_full_events_are_valid(kind):
    jsonschema_rs.Draft202012Validator(document(kind)).validate(FULL[kind])


@pytest.mark.parametrize("kind", GOOD_RECORDS)
def test_our_own_records_are_valid(kind):
    tree = json.loads(msgspec.json.encode(GOOD_RECORDS[kind]))
    jsonschema_rs.Draft202012Validator(document(kind)).validate(tree)


TWICE = {case.name for case in WRONG_SHAPE if "twice" in case.name}  # no schema can see a key that occurs twice
ONLY_PYTHON = {"NaN alone", "model with a line break at its end"}  # not JSON; `$` of a regular expression


@pytest.mark.parametrize(
    "case", [case for case in WRONG_SHAPE if case.name not in TWICE | ONLY_PYTHON], ids=lambda case: case.name
)
def test_events_of_the_wrong_shape_are_invalid(case):
    tree = json.loads(case.value)
    kind = tree.get("kind", "prediction") if isinstance(tree, dict) else "prediction"
    assert isinstance(Reader().event(case.value, None, kind, AT_MS), Reason)
    assert not jsonschema_rs.Draft202012Validator(document(kind)).is_valid(tree)
