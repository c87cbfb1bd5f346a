"""Public data sets as arrays: one function for each folder of `--data DIR`.

Each function takes DIR and returns None if its folder is not there. Files are read as their publishers ship them,
compressed or not by us: CSV, ARFF, LIBSVM and JSON with the standard library, Parquet with pyarrow.

=============  ================================================================================================
adult          UCI Adult, 48,842 rows
bike_sharing   UCI bike sharing, 17,379 hours (Fanaee-T and Gama, 2013)
elec2          New South Wales electricity market, 45,312 half hours (Harries, 1999), as MOA ships it
employment_ma  employment in Massachusetts, census of 2015 to 2018, with a model's predictions
fhddm_streams  SINE1, MIXED, CIRCLES (Pesaranghader and Viktor, 2016)
gas_drift      gas sensor array drift, batches 1 to 5 (Vergara and others, 2012)
interrbf       interchanging RBF (Losing, Hammer and Wersing, 2016)
lobo           synthetic streams with abrupt drifts (Lopez Lobo, 2020)
nab            Numenta anomaly benchmark, in part (Lavin and Ahmad, 2015)
sea            SEA concepts (Street and Kim, 2001)
tcpd           Turing change point data set, in part (van den Burg and Williams, 2020)
=============  ================================================================================================
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Table = dict[str, NDArray[Any]]  # numbers as floats (nan: null), everything else as text ("": null)

FHDDM_EVERY = {"sine1": 20_000, "mixed": 20_000, "circles": 25_000}  # as their authors published them
LOBO_EVERY, SEA_EVERY, INTERRBF_EVERY = 10_000, 12_500, 3_000


@dataclass(frozen=True)
class Stream:
    """A classification problem whose concept changes at known rows."""

    name: str
    x: Floats  # [rows, features]
    y: Codes  # [rows]: classes from 0
    drifts: tuple[int, ...]  # the first rows of each new concept


@dataclass(frozen=True)
class Annotated:
    """A time series, and where each of several people sees it change."""

    name: str
    values: Floats  # [rows, dimensions]
    annotations: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Windowed:
    """A time series, and the windows in which it behaves oddly: first and last row of each."""

    name: str
    values: Floats
    windows: tuple[tuple[int, int], ...]


# -- tables ------------------------------------------------------------------------------------------------------------


def adult(data: Path) -> Table | None:
    """Return the columns of UCI Adult."""
    path = data / "adult" / "adults.parquet"
    return parquet(path) if path.exists() else None


def employment(data: Path) -> tuple[Table, Table] | None:
    """Return the reference year 2015 and the years 2016 to 2018, both with what was true."""
    folder = data / "employment_ma"
    names = ("reference", "analysis", "analysis_target")
    if not all((folder / f"employment_MA_{name}.pq").exists() for name in names):
        return None
    reference, analysis, target = (parquet(folder / f"employment_MA_{name}.pq") for name in names)
    if not np.array_equal(analysis["id"], target["id"]):
        raise ValueError(f"{folder}: the labels are of other rows than the predictions; download the files again")
    return reference, {**analysis, "employed": target["employed"]}


def elec2(data: Path) -> Table | None:
    """Return the columns of Elec2, every one a number. `vicprice`, `vicdemand` and `transfer` are constant until row
    17,424."""
    path = data / "elec2" / "electricity_moa.csv.gz"
    if not path.exists():
        return None
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return numeric_csv(file)


def bike(data: Path) -> Table | None:
    """Return the numbers of the hourly table of UCI bike sharing."""
    path = data / "bike_sharing" / "bike_sharing_dataset.zip"
    if not path.exists():
        return None
    with zipfile.ZipFile(path) as archive, archive.open("hour.csv") as file:
        return numeric_csv(io.TextIOWrapper(file, "utf-8"))


# -- streams with a class ----------------------------------------------------------------------------------------------


def fhddm(data: Path) -> list[Stream] | None:
    """Return SINE1, MIXED and CIRCLES, every seed that is there."""
    return each(data / "fhddm_streams", "*.arff*", fhddm_stream)


def lobo(data: Path) -> list[Stream] | None:
    """Return the streams of Lopez Lobo."""
    return each(data / "lobo", "*.csv*", lobo_stream)


def sea(data: Path) -> list[Stream] | None:
    """Return the SEA stream."""
    return each(data / "sea", "SEA_training_data.csv*", sea_stream)


def interrbf(data: Path) -> list[Stream] | None:
    """Return the interchanging RBF stream. Its last concept is cut short, so it has 66 changes and a start."""
    return each(data / "interrbf", "interchangingRBF.data*", interrbf_stream)


def each(folder: Path, pattern: str, read: Callable[[Path], Stream]) -> list[Stream] | None:
    """Return a stream for every file, or None if there is no file."""
    return [read(path) for path in sorted(folder.glob(pattern))] or None


def fhddm_stream(path: Path) -> Stream:
    """Return one ARFF file; `False` and `True` become 0 and 1, the class `p` 1."""
    with opened(path) as file:
        lines = [line.strip() for line in file]
    start = next(i for i, line in enumerate(lines) if line.lower() == "@data") + 1
    codes = {"false": 0.0, "true": 1.0, "n": 0.0, "p": 1.0}
    rows = np.array([[codes.get(v.lower(), v) for v in line.split(",")] for line in lines[start:] if line], np.float64)
    kind = path.name.split("_")[0]
    return labelled("_".join(path.name.split(".arff")[0].split("_")[::5]), rows, FHDDM_EVERY[kind])


def lobo_stream(path: Path) -> Stream:
    with opened(path) as file:
        return labelled(path.name.split("_")[0], np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2), LOBO_EVERY)


def sea_stream(path: Path) -> Stream:
    with opened(path) as x, opened(path.with_name(path.name.replace("_data", "_class"))) as y:
        rows = np.column_stack([np.loadtxt(x, delimiter=",", ndmin=2), np.loadtxt(y)])
    return labelled("SEA", rows, SEA_EVERY)


def interrbf_stream(path: Path) -> Stream:
    with opened(path) as x, opened(path.with_name(path.name.replace(".data", ".labels"))) as y:
        rows = np.column_stack([np.loadtxt(x, ndmin=2), np.loadtxt(y)])
    return labelled("interRBF", rows, INTERRBF_EVERY)


def labelled(name: str, rows: Floats, every: int) -> Stream:
    """Return the stream of rows whose last column is the class, with a drift every so many rows."""
    _, y = np.unique(rows[:, -1], return_inverse=True)
    return Stream(name, rows[:, :-1].copy(), y.astype(np.intp), tuple(range(every, len(rows), every)))


def gas(data: Path) -> list[tuple[Codes, Floats]] | None:
    """Return gas and sensor values, [rows, 128], of each batch of the gas sensor array."""
    paths = sorted((data / "gas_drift").glob("batch*.dat*"), key=lambda path: int(path.name[5:].split(".")[0]))
    return [gas_batch(path) for path in paths] or None


def gas_batch(path: Path) -> tuple[Codes, Floats]:
    """Return one batch, lines of `gas;concentration 1:value 2:value ...`."""
    with opened(path) as file:
        lines = [line.split() for line in file if line.strip()]
    values = np.array([[float(pair.split(":")[1]) for pair in line[1:]] for line in lines])
    return np.array([int(line[0].split(";")[0]) for line in lines], np.intp), values


# -- time series with a truth of people --------------------------------------------------------------------------------


def tcpd(data: Path) -> list[Annotated] | None:
    """Return the series of the Turing change point data set that are there."""
    folder = data / "tcpd"
    if not (folder / "annotations.json").exists():
        return None
    told = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    found = []
    for name in sorted(told):
        path = folder / f"{name}.json"
        if path.exists():
            series = json.loads(path.read_text(encoding="utf-8"))["series"]
            values = np.array([one["raw"] for one in series], np.float64).T
            found.append(Annotated(name, values, {person: tuple(rows) for person, rows in told[name].items()}))
    return found


def nab(data: Path) -> list[Windowed] | None:
    """Return the series of the Numenta anomaly benchmark that are there, with their labelled windows."""
    folder = data / "nab"
    labels = folder / "labels" / "combined_windows.json"
    if not labels.exists():
        return None
    told = json.loads(labels.read_text(encoding="utf-8"))
    return [nab_series(folder / "data" / name, name, told[name]) for name in sorted(told) if there(folder, name)]


def there(folder: Path, name: str) -> bool:
    return (folder / "data" / name).exists()


def nab_series(path: Path, name: str, windows: list[list[str]]) -> Windowed:
    """Return one series; its windows are given by the times of their first and last row."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    at = {row["timestamp"]: i for i, row in reversed(list(enumerate(rows)))}
    spans = [tuple(at[time.split(".")[0]] for time in window) for window in windows]
    return Windowed(name, np.array([float(row["value"]) for row in rows]), tuple((a, b) for a, b in sorted(spans)))


# -- formats -----------------------------------------------------------------------------------------------------------


def opened(path: Path) -> io.TextIOBase:
    """Open a text file, unpacking `.xz` and `.gz`."""
    if path.suffix == ".xz":
        return io.TextIOWrapper(lzma.open(path), "utf-8")
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), "utf-8")
    return path.open(encoding="utf-8")


def numeric_csv(lines: Iterable[str]) -> Table:
    """Return the columns of a CSV that are numbers."""
    rows: Iterator[list[str]] = csv.reader(lines)
    names = next(rows)
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return {name: np.array(values, np.float64) for name, values in columns if is_number(values[0])}


def is_number(text: str) -> bool:
    """
    >>> is_number("-0.5"), is_number("2011-01-01")
    (True, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def parquet(path: Path) -> Table:
    """Return the columns of a Parquet file. pyarrow is asked for only here: nothing else needs it."""
    table = import_module("pyarrow.parquet").read_table(path)
    columns = {}
    for name in table.column_names:
        values = table[name].to_pylist()
        if any(isinstance(value, str) for value in values):
            columns[name] = np.array(["" if value is None else value for value in values], object)
        else:
            columns[name] = np.array([np.nan if value is None else value for value in values], np.float64)
    return columns
