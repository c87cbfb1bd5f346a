"""Messages that should not have been sent, and the code of the dead letter that each becomes.

One row a case: the claim as a name, the bytes, the code. `AT_MS` is when Kafka received them.
"""

import base64
import gzip
import json
import pickle
from typing import NamedTuple

from schemas.dead_letter import Code, Headers

AT_MS = 1_790_000_000_000  # 21 September 2026
DAY_MS = 86_400_000


class Case(NamedTuple):
    name: str
    value: bytes | None
    code: Code
    headers: Headers | None = None
    kind: str = "prediction"


def of(**fields: object) -> bytes:
    """A prediction of `m` with these fields."""
    return json.dumps({"kind": "prediction", "model": "m", **fields}).encode()


def label(**fields: object) -> bytes:
    return json.dumps({"kind": "label", "model": "m", **fields}).encode()


def deployment(**fields: object) -> bytes:
    return json.dumps({"kind": "deployment", "model": "m", "action": "deployed", **fields}).encode()


M = b'{"kind":"prediction","model":"m"'
GOOD = of(features={"age": 41, "plan": "pro"}, prediction=0.83)
DEEP = 50_000

NOT_JSON = [
    Case("a tombstone", None, "bad_json"),
    Case("nothing", b"", "bad_json"),
    Case("white space", b" \r\n\t", "bad_json"),
    Case("cut off in an object", GOOD[:-1], "bad_json"),
    Case("cut off in a text", GOOD[:30], "bad_json"),
    Case("cut off after a colon", b'{"kind":', "bad_json"),
    Case("cut off in an escape", b'{"kind":"prediction","model":"\\u00', "bad_json"),
    Case("one brace", b"{", "bad_json"),
    Case("two objects", GOOD + GOOD, "bad_json"),
    Case("lines of objects", GOOD + b"\n" + GOOD, "bad_json"),
    Case("text after the object", GOOD + b"; done", "bad_json"),
    Case("a zero byte after the object", GOOD + b"\0", "bad_json"),
    Case("single quotes", b"{'kind': 'prediction', 'model': 'm'}", "bad_json"),
    Case("a Python repr", str({"kind": "prediction", "model": "m", "x": None}).encode(), "bad_json"),
    Case("a Python None", b'{"kind": "prediction", "model": "m", "prediction": None}', "bad_json"),
    Case("a Python True", b'{"kind": "prediction", "model": "m", "prediction": True}', "bad_json"),
    Case("undefined", M + b',"prediction":undefined}', "bad_json"),
    Case("keys without quotes", b'{kind:"prediction",model:"m"}', "bad_json"),
    Case("a trailing comma", M + b",}", "bad_json"),
    Case("a comment", b'{"kind":"prediction","model":"m" /* churn */}', "bad_json"),
    Case("a leading zero", M + b',"prediction":007}', "bad_json"),
    Case("a hexadecimal number", M + b',"prediction":0xff}', "bad_json"),
    Case("a bare point", M + b',"prediction":.5}', "bad_json"),
    Case("a plus sign", M + b',"prediction":+5}', "bad_json"),
    Case("a decimal comma", M + b',"prediction":0,83}', "bad_json"),
    Case("a raw line break in a text", M + b',"prediction":"a\nb"}', "bad_json"),
    Case("a raw zero byte in a text", M + b',"prediction":"a\0b"}', "bad_json"),
    Case("an unknown escape", M + b',"prediction":"\\x41"}', "bad_json"),
    Case("a form", b"kind=prediction&model=m&prediction=0.83", "bad_json"),
    Case("one form field", b"payload=abc", "bad_json"),
    Case("CSV", b"kind,model,prediction\nprediction,m,0.83\n", "bad_json"),
    Case("YAML", b"kind: prediction\nmodel: m\n", "bad_json"),
    Case("XML", b"<event><kind>prediction</kind></event>", "bad_json"),
    Case("a word", b"hello", "bad_json"),
    Case("a log line", b"2026-09-21 12:00:00 INFO predicted 0.83", "bad_json"),
    Case("gzip", gzip.compress(GOOD, mtime=0), "bad_json"),
    Case("Zstandard", b"\x28\xb5\x2f\xfd\x04\x00\x00", "bad_json"),
    Case("a schema registry's framing", b"\0\0\0\0\x07" + GOOD, "bad_json"),
    Case("Avro in a schema registry's framing", b"\0\0\0\0\x07\x02\x06abc", "bad_json"),
    Case("an Avro file", b"Obj\x01\x04\x14avro.codec", "bad_json"),
    Case("a Parquet file", b"PAR1\x15\x04", "bad_json"),
    Case("a pickle", pickle.dumps({"model": "m"}, protocol=4), "bad_json"),
    Case("protobuf", b"\x0a\x05churn\x15\x00\x00\x24\x42", "bad_json"),
    Case("msgpack that is no map", b"\x92\xaaprediction\xa1m", "bad_json"),
    Case("msgpack, cut off", b"\x82\xa4kind\xaaprediction\xa5mod", "bad_json"),
    Case("a byte order mark", b"\xef\xbb\xbf" + GOOD, "bad_json"),
    Case("UTF-16 with a mark", GOOD.decode().encode("utf-16"), "bad_json"),
    Case("UTF-16 LE", GOOD.decode().encode("utf-16-le"), "bad_json"),
    Case("UTF-16 BE", GOOD.decode().encode("utf-16-be"), "bad_json"),
    Case("UTF-32 LE", GOOD.decode().encode("utf-32-le"), "bad_json"),
    Case("UTF-32 BE", GOOD.decode().encode("utf-32-be"), "bad_json"),
    Case("Latin-1", '{"kind":"prediction","model":"m","prediction":"café"}'.encode("latin-1"), "bad_json"),
    Case("an overlong encoding", M + b',"prediction":"\xc0\xaf"}', "bad_json"),
    Case("a surrogate in UTF-8", M + b',"prediction":"\xed\xa0\x80"}', "bad_json"),
    Case("half a surrogate pair", M + b',"prediction":"\\ud800 and more"}', "bad_json"),
    Case("the other half", M + b',"prediction":"\\udc00 and more"}', "bad_json"),
    Case("half a pair in a key", M + b',"features":{"\\ud83d":1}}', "bad_json"),
    Case("half a pair in an unknown field", M + b',"x":["\\ud83d"]}', "bad_json"),
    Case("a depth bomb of lists", b"[" * DEEP, "bad_json"),
    Case("a depth bomb of objects", b'{"a":' * DEEP, "bad_json"),
    Case("a closed depth bomb", b"[" * DEEP + b"]" * DEEP, "bad_json"),
    Case("a depth bomb in an unknown field", of()[:-1] + b',"x":' + b"[" * DEEP + b"]" * DEEP + b"}", "bad_json"),
    Case("a depth bomb as a feature", of()[:-1] + b',"features":{"a":' + b"[" * DEEP + b"]" * DEEP + b"}}", "bad_json"),
]

WRONG_SHAPE = [
    Case("a list of events", b"[" + GOOD + b"]", "schema"),
    Case("an empty list", b"[]", "schema"),
    Case("a number", b"42", "schema"),
    Case("null", b"null", "schema"),
    Case("true", b"true", "schema"),
    Case("NaN alone", b"NaN", "schema"),
    Case("a text", b'"prediction"', "schema"),
    Case("JSON within a text", json.dumps(GOOD.decode()).encode(), "schema"),
    Case("an empty object", b"{}", "schema"),
    Case("no model", b'{"kind":"prediction","features":{"age":41}}', "schema"),
    Case("model null", b'{"kind":"prediction","model":null}', "schema"),
    Case("model a number", of(model=7), "schema"),
    Case("model empty", of(model=""), "schema"),
    Case("model misspelt", b'{"kind":"prediction","modle":"m"}', "schema"),
    Case("model in capitals", b'{"kind":"prediction","Model":"m"}', "schema"),
    Case("model with a space", of(model="my model"), "schema"),
    Case("model with a line break at its end", of(model="m\n"), "schema"),
    Case("model with an escape for terminals", of(model="m\x1b[31m"), "schema"),
    Case("model beyond ASCII", of(model="modèle"), "schema"),
    Case("model beginning with a dash", of(model="-m"), "schema"),
    Case("version a number", of(version=7), "schema"),
    Case("version a list", of(version=["7"]), "schema"),
    Case("features a list", of(features=[1, 2, 3]), "schema"),
    Case("features a text", of(features="age=41"), "schema"),
    Case("a feature a list", of(features={"age": [41]}), "schema"),
    Case("a feature an object", of(features={"age": {"value": 41}}), "schema"),
    Case("a feature without a name", of(features={"": 1}), "schema"),
    Case("a feature whose name has a space", of(features={"monthly income": 1}), "schema"),
    Case("a feature whose name has a quote", of(features={'a"b': 1}), "schema"),
    Case("a feature twice", M + b',"features":{"age":1,"age":2}}', "schema"),
    Case("a feature twice with spaces", M + b',"features":{"age" :1,"age" :2}}', "schema"),
    Case("a feature twice with an escape", M + b',"features":{"ag\\u0065":1,"age":2}}', "schema"),
    Case("a feature twice beside a colon", M + b',"id":"a:b","features":{"a":1,"a":2}}', "schema"),
    Case("a feature twice under a time", M + b',"ts":"2026-09-21T09\\u003a30:00Z","features":{"a":1,"a":2}}', "schema"),
    Case("the model twice", M + b',"model":"m"}', "schema"),
    Case("the kind twice", M + b',"kind":"prediction"}', "schema"),
    Case("an answer's field twice", M + b',"prediction":{"value":1,"value":2}}', "schema"),
    Case("an answer's score twice", M + b',"prediction":{"scores":{"a":1,"a":0}}}', "schema"),
    Case("an unknown field twice", M + b',"x":1,"x":2}', "schema"),
    Case("prediction a list", of(prediction=[0.1, 0.9]), "schema"),
    Case("an answer's value a text", of(prediction={"value": "0.8"}), "schema"),
    Case("an answer's scores a list", of(prediction={"scores": [0.1, 0.9]}), "schema"),
    Case("latency a text", of(latency_ms="12"), "schema"),
    Case("latency below nothing", of(latency_ms=-1), "schema"),
    Case("an unknown status", of(status="OK"), "schema"),
    Case("status a number", of(status=200), "schema"),
    Case("error a text", of(error="boom"), "schema"),
    Case("an embedding of texts", of(embeddings={"e": ["a"]}), "schema"),
    Case("an embedding that is a number", of(embeddings={"e": 1.0}), "schema"),
    Case("a signal that is a text", of(signals={"cost": "1.5"}), "schema"),
    Case("a signal that is true", of(signals={"cost": True}), "schema"),
    Case("a segment that is a number", of(segments={"region": 7}), "schema"),
    Case("a segment that is null", of(segments={"region": None}), "schema"),
    Case("a sample rate below one", of(sample_rate=0.5), "schema"),
    Case("a sample rate beyond all traffic", of(sample_rate=1e10), "schema"),
    Case("a sample rate of text", of(sample_rate="2"), "schema"),
    Case("ts a list", of(ts=[2026, 9, 21]), "schema"),
    Case("ts true", of(ts=True), "schema"),
    Case("ts an object of Mongo", of(ts={"$date": 1}), "schema"),
    Case("a feature event without features", b'{"kind":"feature","model":"m"}', "schema"),
    Case("an unknown origin", b'{"kind":"feature","model":"m","features":{},"origin":"offlin"}', "schema"),
    Case("a label that is a list", label(label=[1]), "schema"),
    Case("a revision with a fraction", label(label=1, revision=1.5), "schema"),
    Case("a revision below nothing", label(label=1, revision=-1), "schema"),
    Case("a revision beyond 64 bits", label(label=1, revision=10**30), "schema"),
    Case("an unknown operation", label(label=1, op="delete"), "schema"),
    Case("a deployment without an action", b'{"kind":"deployment","model":"m"}', "schema"),
    Case("an unknown action", deployment(action="deploy"), "schema"),
    Case("a share of traffic beyond one", deployment(traffic={"v1": 90}), "schema"),
    Case("a range of three", deployment(feature_schema=[{"name": "age", "range": [0, 1, 2]}]), "schema"),
    Case("a declared feature without a name", deployment(feature_schema=[{"type": "number"}]), "schema"),
    Case("a declared feature with a bad name", deployment(feature_schema=[{"name": "a b"}]), "schema"),
]

TOO_LARGE = [
    Case("a message beyond a megabyte", of(tags={"a": "x" * 1_000_001}), "too_large"),
    Case("a megabyte of spaces", b" " * 1_000_001, "too_large"),
    Case("a name of 129 characters", of(model="m" * 129), "too_large"),
    Case("a feature's name of 129 characters", of(features={"a" * 129: 1}), "too_large"),
    Case("513 features", of(features={f"f{i}": i for i in range(513)}), "too_large"),
    Case("17 segments", of(segments={f"s{i}": "a" for i in range(17)}), "too_large"),
    Case("65 tags", of(tags={f"t{i}": "a" for i in range(65)}), "too_large"),
    Case("a text of 4,097 characters", of(features={"a": "x" * 4_097}), "too_large"),
    Case("an id of 513 characters", of(id="x" * 513), "too_large"),
    Case("a label of 4,097 characters", label(label="x" * 4_097), "too_large"),
    Case("an embedding of 8,193 numbers", of(embeddings={"e": [0.0] * 8_193}), "too_large"),
]

UNKNOWN_KIND = [
    Case("a misspelt kind", b'{"kind":"predicton","model":"m"}', "unknown_kind"),
    Case("a kind in capitals", b'{"kind":"Prediction","model":"m"}', "unknown_kind"),
    Case("a plural", b'{"kind":"predictions","model":"m"}', "unknown_kind"),
    Case("an empty kind", b'{"kind":"","model":"m"}', "unknown_kind"),
    Case("a kind that is null", b'{"kind":null,"model":"m"}', "unknown_kind"),
    Case("a kind that is a number", b'{"kind":1,"model":"m"}', "unknown_kind"),
    Case("a kind that is a list", b'{"kind":["prediction"],"model":"m"}', "unknown_kind"),
    Case("a kind of somebody else", b'{"kind":"OrderPlaced","model":"m"}', "unknown_kind"),
    Case("our own anomaly on an input", b'{"kind":"anomaly","model":"m"}', "unknown_kind"),
    Case("an endless kind", b'{"kind":"' + b"k" * 100_000 + b'","model":"m"}', "unknown_kind"),
]

CLOCK = [
    Case("seconds", of(ts=1_790_000_000), "clock"),
    Case("seconds with a fraction", of(ts=1_790_000_000.25), "clock"),
    Case("microseconds", of(ts=AT_MS * 1_000), "clock"),
    Case("nanoseconds", of(ts=AT_MS * 1_000_000), "clock"),
    Case("a number beyond 64 bits", of(ts=10**30), "clock"),
    Case("a number beyond doubles", M + b',"ts":1' + b"0" * 330 + b"}", "clock"),
    Case("zero", of(ts=0), "clock"),
    Case("before 1970", of(ts=-1), "clock"),
    Case("two days ahead", of(ts=AT_MS + 2 * DAY_MS), "clock"),
    Case("two days ahead as text", of(ts="2026-09-23T14:00:00Z"), "clock"),
    Case("a century ahead", of(ts="2126-01-01T00:00:00Z"), "clock"),
    Case("no offset", of(ts="2026-09-21T09:30:00"), "clock"),
    Case("no offset and a space", of(ts="2026-09-21 09:30:00"), "clock"),
    Case("a date", of(ts="2026-09-21"), "clock"),
    Case("a number as text", of(ts="1790000000000"), "clock"),
    Case("a time of HTTP", of(ts="Mon, 21 Sep 2026 09:30:00 GMT"), "clock"),
    Case("the American order", of(ts="09/21/2026 9:30 AM"), "clock"),
    Case("a thirteenth month", of(ts="2026-13-01T00:00:00Z"), "clock"),
    Case("the 30th of February", of(ts="2026-02-30T00:00:00Z"), "clock"),
    Case("an empty time", of(ts=""), "clock"),
    Case("a word for a time", of(ts="yesterday"), "clock"),
    Case("an unset time of .NET", of(ts="0001-01-01T00:00:00Z"), "clock"),
    Case("an endless time", of(ts="2026-09-21T09:30:00." + "0" * 100_000 + "Z"), "clock"),
    Case("a label's time in seconds", label(label=1, label_ts=1_790_000_000), "clock"),
    Case("a feature's time without an offset", of(feature_ts="2026-09-21T09:30:00"), "clock"),
]


def structured(**fields: object) -> bytes:
    envelope = {"specversion": "1.0", "type": "com.acme.prediction.v1", "id": "7", "source": "/acme"}
    return json.dumps(envelope | fields).encode()


JSON_TYPE = ("content-type", b"application/json")
CE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
ENVELOPED = [
    Case("protobuf by its content type", GOOD, "bad_json", [("content-type", b"application/x-protobuf")]),
    Case("plain text by its content type", GOOD, "bad_json", [("Content-Type", b"text/plain")]),
    Case("a charset that is not UTF-8", GOOD, "bad_json", [("content-type", b"application/json; charset=iso-8859-1")]),
    Case("a batch", b"[]", "schema", [("content-type", b"application/cloudevents-batch+json")]),
    Case("a time without an offset", GOOD, "clock", [JSON_TYPE, ("ce_time", b"2026-09-21T09:30:00")]),
    Case("a header that is not UTF-8", GOOD, "clock", [JSON_TYPE, ("ce_time", b"\xff\xfe")]),
    Case("an endless id", GOOD, "too_large", [JSON_TYPE, ("ce_id", b"x" * 513)]),
    Case("an envelope that is a list", b"[1]", "schema", [CE]),
    Case("an envelope without data", structured(), "schema"),
    Case("an envelope with data null", structured(data=None), "schema", [CE]),
    Case("an envelope whose data is a text", structured(data="0.83"), "schema"),
    Case("an envelope whose data is XML", structured(data="<a/>", datacontenttype="application/xml"), "bad_json"),
    Case("an envelope with bad base64", structured(data_base64="%%%"), "bad_json"),
    Case("an envelope with base64 of nothing", structured(data_base64=""), "bad_json"),
    Case("an envelope whose base64 is a number", structured(data_base64=7), "schema"),
    Case(
        "an envelope with base64 of something else",
        structured(data_base64=base64.b64encode(b"<a/>").decode()),
        "bad_json",
    ),
    Case("an envelope with two bodies", structured(data={})[:-1] + b', "data": {}}', "schema"),
    Case("an envelope around a bad event", structured(data={"model": "m", "features": []}), "schema"),
    Case(
        "an envelope with a time from tomorrow", structured(data={"model": "m"}, time="2030-01-01T00:00:00Z"), "clock"
    ),
    Case("a cut envelope", structured(data={"model": "m"})[:-3], "bad_json", [CE]),
    Case("nothing with headers", None, "bad_json", [JSON_TYPE]),
]

CASES = [*NOT_JSON, *WRONG_SHAPE, *TOO_LARGE, *UNKNOWN_KIND, *CLOCK, *ENVELOPED]
