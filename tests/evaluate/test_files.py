"""Files become tables: kinds, gaps and quirks of CSV, Parquet alike, and a sentence for what cannot be read."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from stream.evaluate import files
from stream.evaluate.files import read
from stream.evaluate.refusal import Refusal

ALL = ("all",)
TEXT = "x,plan,mixed,empty\n1,pro,1,\n,free,2,\n-2.5e3,,few,\nnan,pro,,\n"


def file(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz"])
def test_a_column_is_numeric_if_all_its_values_are_and_what_is_empty_is_missing(tmp_path: Path, name: str) -> None:
    table = read(file(tmp_path, TEXT, name), ALL)
    assert table.names == ("x", "plan", "mixed", "empty")
    assert np.array_equal(table["x"].values, [1, np.nan, -2500, np.nan], equal_nan=True)
    assert (table["plan"].words, table["plan"].values.tolist()) == (("pro", "free"), [0, 1, -1, 0])
    assert (table["mixed"].words, table["mixed"].values.tolist()) == (("1", "2", "few"), [0, 1, 2, -1])
    assert table["empty"].words is None
    assert table["empty"].nulls.all()


def test_a_column_that_turns_out_to_hold_texts_keeps_the_texts_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROWS_AT_ONCE", 2)
    table = read(file(tmp_path, "a,b\n1.0,1\n2,2\n3,x\n04,4\ny,5\n"), ALL)
    assert table["a"].words == ("1.0", "2", "3", "04", "y")
    assert table["b"].words == ("1", "2", "x", "4", "5")


def test_words_for_missing_are_missing_among_numbers_and_words_among_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROWS_AT_ONCE", 2)
    table = read(file(tmp_path, "age,country,gap\n41,NA,NULL\n NA,DE,NA\nNone,,\nnull,NA,n/a\n"), ALL)
    assert np.array_equal(table["age"].values, [41, np.nan, np.nan, np.nan], equal_nan=True)
    assert (table["country"].words, table["country"].values.tolist()) == (("NA", "DE"), [0, 1, -1, 0])
    assert table["gap"].nulls.all()


def test_codes_with_an_underscore_are_texts_as_a_name_or_as_a_value(tmp_path: Path) -> None:
    table = read(file(tmp_path, "2019_20,2020_21\n1_2,12\n12,1\n"), ALL)
    assert table["2019_20"].words == ("1_2", "12")
    assert table["2020_21"].values.tolist() == [12, 1]


def test_a_column_called_all_is_one_of_all_and_can_be_asked_for(tmp_path: Path) -> None:
    path = file(tmp_path, "all,b\n1,2\n")
    assert read(path, ()).names == ("all", "b")
    assert read(path, ALL).names == ("all",)


def test_a_blank_line_is_a_missing_value_of_the_only_column(tmp_path: Path) -> None:
    table = read(file(tmp_path, "x\n1\n\n3\n"), ALL)
    assert table["x"].nulls.tolist() == [False, True, False]


def test_quotes_semicolons_blank_lines_a_mark_at_the_beginning_and_an_index_without_a_name(tmp_path: Path) -> None:
    table = read(file(tmp_path, '\ufeff;"a;b";c\r\n0;"x\ny";1\r\n\r\n1;"""";2\r\n'), ALL)
    assert table.names == ("column 0", "a;b", "c")
    assert table["a;b"].words == ("x\ny", '"')


def test_columns_are_chosen_by_name_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, 'a,"b,c",d\n1,2,3\n')
    assert read(path, ("d,a",)).names == ("a", "d")
    assert read(path, ("b,c", "d")).names == ("b,c", "d")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1.5,x\n2,y\n", "data.csv has no header: its first line holds the number 1.5"),
        ("", "data.csv is empty"),
        ("\n\na,b\n1,2\n", "data.csv begins with a blank line; the first line must name the columns"),
        ("a,b\n", "data.csv has no rows"),
        ("a,a\n1,2\n", "two columns called 'a'"),
        ("a,b\n1,2\n1,2,3\n", "row 1 has 3 cells and the header has 2"),
        ('a,b\n1,"2\n3,4\n5,6\n', "cannot be read as CSV: .*at line 4; a quote around a value must be closed"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        read(file(tmp_path, text), ALL)


def test_a_zero_byte_is_a_text_as_any_other(tmp_path: Path) -> None:
    assert read(file(tmp_path, "a\n\0\n"), ALL)["a"].words == ("\0",)


def test_other_faults_of_files_are_refused_too(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("a\nM\u00fcller\n".encode("latin-1"))
    with pytest.raises(Refusal, match=r"latin[.]csv is not UTF-8 text"):
        read(tmp_path / "latin.csv", ALL)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a\n1\n")[:-6])
    with pytest.raises(Refusal, match=r"cut[.]csv[.]gz cannot be read"):
        read(tmp_path / "cut.csv.gz", ALL)
    with pytest.raises(Refusal, match=r"data[.]xlsx is not a [.]csv"):
        read(file(tmp_path, "a\n1\n", "data.xlsx"), ALL)
    with pytest.raises(Refusal, match="has no column 'z'; there are a, b"):
        read(file(tmp_path, "a,b\n1,2\n"), ("z",))


def test_parquet_is_read_as_the_same_table(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    made = arrow.table(
        {
            "x": arrow.array([1, None, 3], arrow.int32()),
            "plan": arrow.array(["pro", None, "free"]).dictionary_encode(),
            "paid": [True, False, None],
            "list": [[1], [2], [3]],
        }
    )
    parquet.write_table(made, tmp_path / "data.parquet")
    table = read(tmp_path / "data.parquet", ALL)
    assert table.names == ("x", "plan", "paid")
    assert np.array_equal(table["x"].values, [1, np.nan, 3], equal_nan=True)
    assert (table["plan"].words, table["plan"].values.tolist()) == (("pro", "free"), [0, -1, 1])
    assert table["paid"].words == ("true", "false")
    with pytest.raises(Refusal, match="has no column 'list'"):
        read(tmp_path / "data.parquet", ("list",))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(Refusal, match=r"bad[.]parquet cannot be read as Parquet"):
        read(tmp_path / "bad.parquet", ALL)


def test_whatever_is_flat_in_parquet_is_a_number_or_a_text(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from datetime import UTC, date, datetime, timedelta
    from decimal import Decimal

    from pyarrow import parquet

    made = {
        "decimal": arrow.array([Decimal("1.50"), None]),
        "coded": arrow.array([7, 8]).dictionary_encode(),
        "large": arrow.array([2**64 - 1, 0], arrow.uint64()),
        "instant": arrow.array([datetime(2026, 1, 31, 9, 30, tzinfo=UTC), None]),
        "day": arrow.array([date(2026, 1, 31), date(2026, 2, 1)]),
        "span": arrow.array([timedelta(seconds=1), timedelta(seconds=2)]),
        "bytes": arrow.array([b"pro", b"\xff"]),
        "nothing": arrow.nulls(2),
    }
    parquet.write_table(arrow.table(made), tmp_path / "data.parquet")
    table = read(tmp_path / "data.parquet", ALL)
    assert table.names == tuple(made)
    assert np.array_equal(table["decimal"].values, [1.5, np.nan], equal_nan=True)
    assert table["coded"].values.tolist() == [7, 8]
    assert table["large"].values.tolist() == [2.0**64, 0]
    assert table["day"].words == ("2026-01-31", "2026-02-01")
    assert table["bytes"].words == ("pro", "\\xff")
    assert [len(table[name].words or ()) for name in ("instant", "span", "nothing")] == [1, 2, 0]


def test_parquet_without_anything_flat_or_with_two_columns_of_one_name_is_refused_in_a_sentence(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table({"list": [[1], [2]]}), tmp_path / "nested.parquet")
    with pytest.raises(Refusal, match=r"nested[.]parquet has no column of numbers or texts"):
        read(tmp_path / "nested.parquet", ALL)
    twice = arrow.Table.from_arrays([arrow.array([1.0]), arrow.array([2.0])], names=["a", "a"])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(Refusal, match="has two columns called 'a'; give them different names"):
        read(tmp_path / "twice.parquet", ALL)


def test_without_pyarrow_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Refusal, match=r"pip install 'leeway\[evaluate\]'"):
        read(tmp_path / "data.parquet", ALL)
