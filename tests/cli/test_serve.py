"""The pages of a worker: honest about life and readiness, on loopback, in Prometheus' words."""

import re
import socket
import time
import urllib.error
import urllib.request

import msgspec
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.heartbeat import Heartbeat
from schemas.moment import rfc3339
from schemas.subject import Subject
from stream.engine.observed import Lag, Observed
from stream.engine.role import Lane, Output
from stream.engine.surprise import Surprise
from stream.incidents.numbers import Numbers
from stream.metrics import registry
from stream.roles.judge import Judge
from stream.roles.profile import Profile
from stream.serve import Pages
from stream.settings import Http, Settings
from stream.settings import Judge as JudgeSettings
from stream.worker import counts_of, pages
from tests.servers import ROOT


def get(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", method=method)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def quiet(http: Http) -> Pages:
    return Pages(http, live=lambda: "", ready=lambda: "", metrics=lambda: b"")


def test_a_worker_is_ready_once_it_has_its_lanes_and_alive_while_it_moves() -> None:
    seen = Observed()
    address = pages("profile", Settings(), seen).serve()
    assert get(address, "/livez") == (200, "ok\n")
    assert get(address, "/startupz") == (503, "no step of the loop was taken yet\n")
    assert get(address, "/readyz") == (503, "no lanes are assigned to this worker yet\n")
    seen.rebalances, seen.lanes, seen.last_progress = 1, 3, time.time()
    assert get(address, "/readyz") == (200, "ok\n")
    assert get(address, "/startupz") == (200, "ok\n")
    seen.lanes = 0
    assert get(address, "/readyz") == (200, "ok, standing by: there are more workers than lanes\n")
    seen.lanes = None
    assert get(address, "/readyz") == (503, "this worker has lost its lanes and is waiting for others\n")
    seen.last_progress = time.time() - 100
    status, why = get(address, "/livez")
    assert (status, bool(re.match(r"no step of the loop has come to its end for \d{3} s", why))) == (503, True)
    assert get(address, "/readyz")[0] == 503


def test_metrics_are_what_the_loop_observed() -> None:
    seen = Observed(messages=7, snapshot_bytes=10, lag={Lane("p", 0): Lag(3, 0.5), Lane("p", 1): Lag(1, 2.5)})
    seen.dead_letters["bad_json"] += 2
    status, text = get(pages("judge", Settings(), seen).serve(), "/metrics")
    samples = {
        (sample.name, sample.labels.get("topic", sample.labels.get("code", ""))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert status == 200
    assert samples["leeway_messages_total", ""] == 7
    assert samples["leeway_snapshot_bytes_total", ""] == 10
    assert samples["leeway_lag_messages", "p"] == 4
    assert samples["leeway_lag_seconds", "p"] == 2.5
    assert samples["leeway_dead_letters_total", "bad_json"] == 2


def test_every_metric_that_the_documentation_names_exists() -> None:
    written = " ".join(file.read_text() for file in (ROOT / "docs").glob("*.md")) + (ROOT / "README.md").read_text()
    named = set(re.findall(r"\bleeway_[a-z_]+[a-z]\b", written))
    seen, judge = Observed(last_snapshot=1.0, last_progress=1.0, lag={Lane("p", 0): Lag(3, 0.5)}), Judge(Settings())
    seen.dead_letters["schema"] += 1
    judge.said.anomalies["feature_drift", "firing"] += 1
    profile = Profile(Settings(), 0, now_ms=lambda: 0)
    texts = [
        generate_latest(registry("judge", seen, lambda: counts_of(judge))).decode(),
        generate_latest(registry("profile", seen, lambda: counts_of(profile))).decode(),
        Numbers().text().decode(),
    ]
    there = {line.split("{")[0].split(" ")[0] for text in texts for line in text.splitlines()}
    families = {name.removesuffix("_total").removesuffix("_bucket") for name in there} | there
    assert named - families == set()


def test_a_judge_says_what_it_said_and_what_it_was_allowed_to() -> None:
    """Once a minute a heartbeat; half a week of them allows for half an alarm."""
    settings = Settings(judge=JudgeSettings(budget="1 per model per week"))
    judge, subject = Judge(settings), Subject(model="churn", deployment="churn")
    for minute in range(0, 7 * 24 * 60 // 2 + 1, 5):
        beat = Heartbeat(subject=subject, state="quiet", at=rfc3339(60_000 * minute), since="", watching=3, rows=minute)
        judge.sent(Output(settings.topics.heartbeats, b"", msgspec.json.encode(beat), []))
    judge.sent(Output(settings.topics.anomalies, b"", b'{"kind":"anomaly","class":"null_spike","status":"firing"}', []))
    text = generate_latest(registry("judge", Observed(), lambda: counts_of(judge))).decode()
    assert 'leeway_anomalies_total{class="null_spike",role="judge",status="firing"} 1.0' in text
    assert judge.said.allowed == pytest.approx(0.5)


def test_pages_are_only_read_and_unknown_ones_say_which_there_are() -> None:
    address = quiet(Http()).serve()
    assert get(address, "/livez", "POST")[0] == 405
    assert get(address, "/livez", "HEAD") == (200, "")
    assert get(address, "/") == (404, "There are /startupz, /livez, /readyz and /metrics.\n")


def test_others_can_reach_the_pages_only_when_that_was_asked_for() -> None:
    with pytest.raises(Surprise, match="the pages have no authentication"):
        quiet(Http(host="0.0.0.0")).serve()
    assert quiet(Http(host="0.0.0.0", allow_remote=True)).serve().startswith("0.0.0.0:")


def test_a_port_that_is_taken_is_one_sentence() -> None:
    port = int(quiet(Http()).serve().rpartition(":")[2])
    with pytest.raises(Surprise, match="address already in use; choose another"):
        quiet(Http(port=port)).serve()


def test_a_client_that_asks_nothing_holds_nobody_up() -> None:
    address = quiet(Http()).serve()
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port))):
        assert get(address, "/livez") == (200, "ok\n")
