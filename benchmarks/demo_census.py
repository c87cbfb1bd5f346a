"""Builds the census rows that ship with the demo, from the Parquet files of the NannyML example data.

    $ uv run --with pyarrow python benchmarks/demo_census.py --data FOLDER

FOLDER holds `employment_MA_reference.pq` (2015) and `employment_MA_analysis.pq` (2016 to 2018). The result is
`stream/demo/employment_ma.npz`: one array of small integers per column, and for categories an array of their names.
Rows are shuffled within a year, with a fixed seed, so that within a year nothing drifts.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TARGET = Path(__file__).resolve().parent.parent / "stream" / "demo" / "employment_ma.npz"
SEED = 2015
NUMBER = "AGEP"  # the only feature that is a number; the others are codes of the questionnaire
STEPS = 1000  # the probability is kept in thousandths: 10 bits carry all that a histogram can show
BIGGEST = 2_000_000  # bytes: it ships inside the package


def read(folder: Path) -> pa.Table:
    """Both files, in one table, without what the demo does not need."""
    analysis = pq.read_table(folder / "employment_MA_analysis.pq")
    columns = [name for name in analysis.column_names if name not in ("id", "prediction")]
    reference = pq.read_table(folder / "employment_MA_reference.pq", columns=columns)
    schema = pa.schema([(name, _plain(analysis, name)) for name in columns])
    return pa.concat_tables([table.select(columns).cast(schema) for table in (reference, analysis)])


def _plain(table: pa.Table, column: str) -> pa.DataType:
    kind = table.schema.field(column).type
    return pa.string() if pa.types.is_dictionary(kind) else kind


def compact(table: pa.Table) -> dict[str, np.ndarray]:
    """Columns as small integers, rows shuffled within their year."""
    year = table["year"].to_numpy()
    random = np.random.default_rng(SEED)
    order = np.concatenate([random.permutation(np.flatnonzero(year == y)) for y in np.unique(year)])
    arrays = {"year": (year[order] - 2000).astype(np.uint8)}
    arrays["score"] = np.round(table["predicted_probability"].to_numpy()[order] * STEPS).astype(np.uint16)
    for name in table.column_names:
        if name in ("year", "predicted_probability"):
            continue
        values = table[name].to_numpy(zero_copy_only=False)[order]
        if name == NUMBER:
            arrays[f"number|{name}"] = values.astype(np.uint8)
        else:
            names, codes = np.unique(values.astype(str), return_inverse=True)
            arrays[f"codes|{name}"], arrays[f"names|{name}"] = codes.astype(np.uint8), names
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the two Parquet files")
    arrays = compact(read(parser.parse_args().data))
    np.savez_compressed(TARGET, allow_pickle=False, **arrays)
    size = TARGET.stat().st_size
    print(f"{TARGET}: {len(arrays['year']):,} rows, {size:,} bytes")
    if size > BIGGEST:
        raise SystemExit(f"{size:,} bytes are more than the {BIGGEST:,} that may ship inside the package")


if __name__ == "__main__":
    main()
