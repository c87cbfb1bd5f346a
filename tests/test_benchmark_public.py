"""The public rows of the benchmark read what publishers ship, and count as the benchmarks' authors do."""

import gzip
import json
import lzma
import zipfile

import numpy as np
import pytest

from benchmarks.quality import anomaly_windows, prequential, readers, segmentation
from benchmarks.quality import q14_lobo_rbf_sea as known_drifts
from benchmarks.quality import q15_real_marginals as marginals
from benchmarks.quality import q18_known_breaks as breaks
from benchmarks.quality.record import absent
from benchmarks.quality.rows import rows

PUBLIC = ("Q13", "Q14", "Q15", "Q16", "Q17", "Q18")


def pack(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(text.encode()))


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        readers.adult,
        readers.employment,
        readers.elec2,
        readers.bike,
        readers.fhddm,
        readers.lobo,
        readers.sea,
        readers.interrbf,
        readers.gas,
        readers.tcpd,
        readers.nab,
    ],
)
def test_what_is_not_there_is_none(read, tmp_path):
    assert read(tmp_path) is None


@pytest.mark.parametrize("row", [row for row in rows() if row.id in PUBLIC], ids=lambda row: row.id)
@pytest.mark.parametrize("given", [True, False])
def test_a_row_without_its_data_says_so(row, given, tmp_path):
    records = [
        record for task in row.tasks(0.02, tmp_path if given else None) for record in task.function(**task.arguments)
    ]
    assert records
    assert all(record.note.startswith("data absent: --data DIR/") for record in records)
    assert all(record.reached is None for record in records)


def test_arff_words_become_numbers(tmp_path):
    rows = ["True,False,0.5,p", "False,True,0.25,n", ""]
    pack(tmp_path / "fhddm_streams" / "mixed_w_50_n_0.1_101.arff.xz", "@relation M\n\n@DATA\n" + "\n".join(rows))
    (stream,) = readers.fhddm(tmp_path)
    assert (stream.name, stream.x.tolist(), stream.y.tolist()) == ("mixed_101", [[1, 0, 0.5], [0, 1, 0.25]], [1, 0])


def test_a_csv_stream_has_its_class_last_and_a_drift_every_so_many_rows(tmp_path):
    pack(tmp_path / "lobo" / "sine_0123_abrupto.csv.xz", "X1,class\n" + "0.5,7.0\n0.25,3.0\n" * 10_001)
    (stream,) = readers.lobo(tmp_path)
    assert (stream.name, stream.drifts, stream.y[:2].tolist()) == ("sine", (10_000, 20_000), [1, 0])


def test_data_and_classes_may_be_in_two_files(tmp_path):
    pack(tmp_path / "sea" / "SEA_training_data.csv.xz", "1,2,3\n4,5,6\n")
    pack(tmp_path / "sea" / "SEA_training_class.csv.xz", "1\n0\n")
    pack(tmp_path / "interrbf" / "interchangingRBF.data.xz", "1 2\n3 4\n5 6\n")
    pack(tmp_path / "interrbf" / "interchangingRBF.labels.xz", "14\n0\n7\n")
    assert readers.sea(tmp_path)[0].x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert readers.interrbf(tmp_path)[0].y.tolist() == [2, 0, 1]


def test_gas_batches_come_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2):
        pack(tmp_path / "gas_drift" / f"batch{number}.dat.xz", f"{number};50.0 1:1.5 2:-2.5\n")
    assert [(gas.tolist(), values.tolist()) for gas, values in readers.gas(tmp_path)] == [
        ([2], [[1.5, -2.5]]),
        ([10], [[1.5, -2.5]]),
    ]


def test_tables_keep_their_numbers(tmp_path):
    (tmp_path / "elec2").mkdir()
    (tmp_path / "elec2" / "electricity_moa.csv.gz").write_bytes(gzip.compress(b"period,class\n0,1\n0.5,0\n"))
    (tmp_path / "bike_sharing").mkdir()
    with zipfile.ZipFile(tmp_path / "bike_sharing" / "bike_sharing_dataset.zip", "w") as archive:
        archive.writestr("hour.csv", "dteday,cnt\n2011-01-01,16\n2011-01-01,40\n")
    assert {name: values.tolist() for name, values in readers.elec2(tmp_path).items()} == {
        "period": [0, 0.5],
        "class": [1, 0],
    }
    assert {name: values.tolist() for name, values in readers.bike(tmp_path).items()} == {"cnt": [16, 40]}


def test_parquet_nulls_are_nan_or_no_text(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "adult").mkdir()
    table = arrow.table({"age": [25, None], "work": arrow.array(["a", None]).dictionary_encode()})
    parquet.write_table(table, tmp_path / "adult" / "adults.parquet")
    found = readers.adult(tmp_path)
    assert found["age"][0] == 25
    assert np.isnan(found["age"][1])
    assert found["work"].tolist() == ["a", ""]


def test_labels_of_other_rows_are_refused(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "employment_ma").mkdir()
    for name, ids in {"reference": [1], "analysis": [2, 3], "analysis_target": [3, 2]}.items():
        table = arrow.table({"id": ids, "employed": [0] * len(ids)})
        parquet.write_table(table, tmp_path / "employment_ma" / f"employment_MA_{name}.pq")
    with pytest.raises(ValueError, match="labels are of other rows"):
        readers.employment(tmp_path)


def test_series_come_with_what_people_say_of_them(tmp_path):
    (tmp_path / "tcpd").mkdir()
    (tmp_path / "tcpd" / "annotations.json").write_text(json.dumps({"nile": {"6": [], "7": [1]}, "gone": {"6": []}}))
    (tmp_path / "tcpd" / "nile.json").write_text(json.dumps({"series": [{"raw": [1, 2]}, {"raw": [3, 4]}]}))
    (one,) = readers.tcpd(tmp_path)
    assert (one.values.tolist(), one.annotations) == ([[1, 3], [2, 4]], {"6": (), "7": (1,)})


def test_windows_are_rows(tmp_path):
    folder = tmp_path / "nab"
    (folder / "data" / "real").mkdir(parents=True)
    (folder / "labels").mkdir()
    lines = [f"2014-04-01 00:0{minute}:00,{minute}" for minute in range(5)]
    (folder / "data" / "real" / "a.csv").write_text("timestamp,value\n" + "\n".join(lines))
    windows = [["2014-04-01 00:01:00.000000", "2014-04-01 00:03:00.000000"]]
    (folder / "labels" / "combined_windows.json").write_text(json.dumps({"real/a.csv": windows, "real/gone.csv": []}))
    (one,) = readers.nab(tmp_path)
    assert (one.values.tolist(), one.windows) == ([0, 1, 2, 3, 4], ((1, 3),))


# -- scores ------------------------------------------------------------------------------------------------------------


def test_a_change_point_counts_once():
    people = {"a": (100,), "b": (103,)}
    # 0 and 101 are right, 104 has only 103 left: all three; each person's two are found
    assert segmentation.f1(people, [101, 104]) == 1.0
    # precision 2 of 4, recall 1
    assert segmentation.f1({"a": (100,)}, [98, 50, 150]) == pytest.approx(2 * 0.5 / 1.5)
    # precision 1, recall 1/2 and 1
    assert segmentation.f1({"a": (100,), "b": ()}, []) == pytest.approx(2 * 0.75 / 1.75)


def test_the_cover_weighs_segments_by_their_length():
    # people: 0-60, 60-100; found: 0-50, 50-100: overlaps 50/60 and 40/50
    assert segmentation.cover({"a": (60,)}, [50], 100) == pytest.approx(0.6 * 50 / 60 + 0.4 * 40 / 50)
    assert segmentation.cover({"a": ()}, [], 100) == 1.0


def test_only_the_first_alarm_in_a_window_counts_and_early_is_better():
    windows, length = ((400, 499),), 1000
    at = {row: anomaly_windows.raw([row], windows, length) for row in (400, 450, 499)}
    assert at[400] == pytest.approx(1.0)
    assert at[450] == pytest.approx((2 / (1 + np.exp(-2.5)) - 1) / (2 / (1 + np.exp(-5)) - 1))
    assert at[499] == pytest.approx((2 / (1 + np.exp(-0.05)) - 1) / (2 / (1 + np.exp(-5)) - 1))
    assert anomaly_windows.raw([450, 460, 499], windows, length) == at[450]


def test_false_alarms_cost_a_ninth_and_less_right_behind_a_window():
    windows, length = ((400, 499),), 1000
    assert anomaly_windows.raw([300], windows, length) == pytest.approx(-1 - 0.11)
    assert anomaly_windows.raw([999], windows, length) == pytest.approx(-1 - 0.11)
    assert -1 - 0.11 * 0.3 < anomaly_windows.raw([505], windows, length) < -1
    assert anomaly_windows.raw([100], windows, length) == -1  # nobody is judged on the first 15 %


def test_silence_is_nothing_and_perfection_a_hundred():
    windows, length = ((400, 499), (700, 749)), 1000
    assert anomaly_windows.normalised([anomaly_windows.raw([], windows, length)], 2) == 0
    assert anomaly_windows.normalised([anomaly_windows.raw([400, 700], windows, length)], 2) == pytest.approx(100)


def test_an_alarm_before_the_drift_is_false_and_a_late_one_finds_nothing():
    found = prequential.score([999, 1000, 2400], [1000, 2000], 300)
    assert (found.delays, found.missed, found.false) == ((1,), 1, 2)


def test_every_drift_of_a_long_stream_is_in_one_of_its_parts():
    number = 67
    stream = readers.Stream(
        "x", np.arange(number * 30.0)[:, None], np.zeros(number * 30, int), tuple(range(30, 2010, 30))
    )
    parts = known_drifts.parts(stream)
    assert sum(len(part.drifts) for part in parts) == 66
    assert sorted(part.x[drift, 0] for part in parts for drift in part.drifts) == list(stream.drifts)


# -- what is measured --------------------------------------------------------------------------------------------------


def test_naive_bayes_is_that_of_river():
    from river.naive_bayes import GaussianNB

    random = np.random.default_rng(1)
    y = random.integers(0, 3, 400)
    x = random.normal(y[:, None], 1.0, (400, 2))
    ours, theirs, same = prequential.Bayes(1, 2, 3), GaussianNB(), 0
    for row, truth in zip(x, y, strict=True):
        named = {"a": row[0], "b": row[1]}
        same += theirs.predict_one(named) == ours.predict(row[None])[0]
        theirs.learn_one(named, int(truth))
        ours.learn(row[None], np.array([truth]))
    assert same >= 390  # the first rows are guesses


@pytest.mark.slow
def test_a_drift_of_the_concept_has_the_model_thrown_away():
    random = np.random.default_rng(2)
    x = random.random((2400, 1))
    y = ((x[:, 0] > 0.5) ^ (np.arange(2400) >= 1500)).astype(np.intp)
    stream = readers.Stream("turned", x, y, (1500,))
    monitors = prequential.Together(
        [(prequential.UrnMonitors([1e4], True), 1), (prequential.RiverMonitors(["ADWIN"]), 1)]
    )
    ours, adwin = prequential.alarms([stream, stream], prequential.Bayes(2, 1, 2), monitors)
    assert 1500 < ours[0] <= 1530
    assert 1500 < adwin[0] <= 1600


def test_adwin_is_not_heard_when_a_model_gets_better():
    random = np.random.default_rng(3)
    errors = random.random(3000) < np.where(np.arange(3000) < 1000, 0.5, 0.1)
    rises = prequential.Rises()
    for wrong in errors:
        rises.update(int(wrong))
        assert not rises.drift_detected


def test_more_of_a_category_and_higher_ranks_are_what_they_say():
    codes = np.repeat([0, 1, 2], [60, 30, 10])
    assert np.bincount(marginals.raised_odds(codes)).tolist() == [60, 30, 20]
    normal = np.random.default_rng(4).normal(size=20_000)
    assert marginals.raised_ranks(normal).mean() - normal.mean() == pytest.approx(0.5, abs=0.02)
    column = marginals.Column("x", normal)
    now, then = (marginals.shares(column, values) for values in (normal, marginals.raised_ranks(normal)))
    assert marginals.divergence(then, now) == pytest.approx(0.125, abs=0.005)


def test_breaks_are_found_by_alarms_and_updates_alike():
    turns = np.zeros((10, 2), np.uint8)
    turns[3, 1], turns[8, 0] = breaks.Turn.ALARM, breaks.Turn.MOVED
    said = breaks.Said(turns, ("a", "b"))
    # panes of 10 after 100 rows: borders at 120, 160 and 200
    assert breaks.first_said([said], 100, 10, [120, 160, 200]) == [(20.0, "b"), (30.0, "a")]
    assert np.isnan(breaks.first_said([said], 100, 10, [140, 180])[0][0])


def test_an_absent_folder_is_named():
    assert absent("Q14", "lobo")[0].note.endswith("DIR/lobo")
