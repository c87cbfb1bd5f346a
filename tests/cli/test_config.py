"""A configuration is accepted whole or refused whole, and every refusal says what, where and how to mend it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stream.config import Misconfigured, load
from stream.settings import Guest, Settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "my.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def refused(text: str = "", environ: dict[str, str] | None = None, flags: dict[str, object] | None = None) -> str:
    with pytest.raises(Misconfigured) as refusal:
        load(written(text), environ or {}, flags or {})
    return str(refusal.value)


def test_nothing_given_means_the_defaults() -> None:
    assert load(None, {}, {}) == Settings()


def test_flags_win_over_variables_over_the_file_over_defaults() -> None:
    file = written('group = "file"\n[judge]\nreference = 1000\nburn_in = 300\n[redis]\nprefix = "a:"')
    settings = load(file, {"LEEWAY__JUDGE__REFERENCE": "2000", "LEEWAY__GROUP": "env"}, {"group": "flag"})
    assert (settings.group, settings.judge.reference, settings.judge.burn_in) == ("flag", 2000, 300)
    assert (settings.redis.prefix, settings.profile.pane_ms) == ("a:", 1_000)


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert load(None, {}, {"kafka.bootstrap": None}) == Settings()


def test_leeway_toml_in_the_folder_is_read_by_itself() -> None:
    written('group = "here"', "leeway.toml")
    assert load(None, {}, {}).group == "here"


def test_the_variable_names_another_file() -> None:
    written('group = "here"', "leeway.toml")
    assert load(None, {"LEEWAY_CONFIG": str(written('group = "there"'))}, {}).group == "there"


def test_variables_are_read_in_the_type_of_their_setting() -> None:
    environ = {
        "LEEWAY__JUDGE__INDEPENDENT": "true",
        "LEEWAY__PROFILE__PANE_MS": "250",
        "LEEWAY__PRIVACY__PUBLIC": "plan, region",
        "LEEWAY__INCIDENTS__OWNERS": "churn=team-growth,fraud=team-risk",
        "LEEWAY__KAFKA__OPTIONS": '{"socket.timeout.ms": 3000}',
        "LEEWAY__JUDGE__GUESTS": '[{"kind": "adwin", "parameters": {"delta": 0.01}}]',
        "LEEWAY__JUDGE__BUDGET": "1 per 100000 events",
    }
    settings = load(None, environ, {})
    assert settings.judge.independent is True
    assert settings.profile.pane_ms == 250
    assert settings.privacy.public == ["plan", "region"]
    assert settings.incidents.owners == {"churn": "team-growth", "fraud": "team-risk"}
    assert settings.kafka.options == {"socket.timeout.ms": "3000"}
    assert settings.judge.guests == [Guest(kind="adwin", parameters={"delta": 0.01})]


def test_properties_of_librdkafka_are_written_as_they_are_called() -> None:
    file = written("[kafka.options]\nssl.endpoint.identification.algorithm = 'none'\nsocket.keepalive.enable = true")
    expected = {"ssl.endpoint.identification.algorithm": "none", "socket.keepalive.enable": "true"}
    assert load(file, {}, {}).kafka.options == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[kafka]\nbotstrap = 'a:1'", "my.toml: there is no setting 'kafka.botstrap'; did you mean 'kafka.bootstrap'?"),
        ("bootstrap = 'a:1'", "my.toml: there is no setting 'bootstrap'; did you mean 'kafka.bootstrap'?"),
        ("[kafak]\nbootstrap = 'a:1'", "did you mean the section [kafka]?"),
        ("[judge]\nzzz = 1", "[judge] has budget, reference, burn_in"),
        ("[zzz]\nqqqqqqq = 1", "there are the sections kafka, redis, topics"),
        ("[judge]\nreference = 10", "judge.reference: expected a whole number from 300 to 20000, got 10"),
        ("[judge]\nmargin = 9", "judge.margin: expected a number from 0 to 3, got 9"),
        ("[judge]\nseason = {a = 'month'}", "judge.season: expected a table whose values are day or week"),
        ("[judge]\nindependent = 'yes'", "judge.independent: expected true or false, got 'yes'"),
        ("[log]\nlevel = 'loud'", "log.level: expected one of debug, error, info, warning, got 'loud'"),
        ("[privacy]\npublic = 'age'", "privacy.public: expected a list of texts, got 'age'"),
        ("[[judge.guests]]\nkind = 'adwim'", "invalid enum value 'adwim'"),
        ("[[judge.guests]]\nkind = 'adwin'\nsignl = 'mean'", "unknown field `signl`"),
        ("[[judge.guests]]\nkind = 'adwin'\nparameters = {clock = 0}", "adwin: expected 'int' >= 1 - at 'clock'"),
        ("kafka = 3", "'kafka' is a section; write [kafka]"),
        ("[judge", "my.toml is not TOML"),
        ("[judge]\nbudget = 'never'", "judge.budget: 'never' is not an alert budget"),
        ("[judge]\nburn_in = 5000\nreference = 4000", "judge.burn_in (5000) is more than judge.reference (4000)"),
        ("[topics]\npanes = 'my panes'", "Kafka takes no topic name 'my panes'"),
        ("[topics]\npanes = 'x'\ndlq = 'x'", "are both 'x'"),
        ("[kafka]\nbootstrap = 'localhost'", "'localhost' is not HOST:PORT"),
        ("[kafka]\nbootstrap = 'kafka:9092'", "allow_plaintext"),
        ("[kafka.options]\nisolation.level = 'read_uncommitted'", "'isolation.level' is set by Leeway itself"),
        ("[kafka]\nsecurity_protocol = 'sasl_ssl'", "kafka.sasl_mechanism is empty"),
        ("[redis]\nurl = 'redis://elsewhere:6379/0'", "redis.allow_plaintext = true"),
        ("[redis]\nurl = 'http://127.0.0.1:6379'", "redis.url is not redis://"),
        ("[redis]\nurl = 'redis://127.0.0.1:port/0'", "redis.url: its host or port cannot be read"),
        ("[redis]\npassword_file = '/nowhere'", "redis.password_file: /nowhere cannot be read"),
        ("[redis]\npassword_file = '.'", "redis.password_file: . is a folder; name the file in it"),
        ("[privacy]\nkey_file = 'empty'", "privacy.key_file: empty is empty; write the secret into it"),
        ("[privacy]\nkey_file = 'bytes'", "privacy.key_file: bytes holds bytes that are no UTF-8 text"),
        ("[redis]\npassword = 'x'\npassword_file = 'my.toml'", "are both set"),
        (
            "[incidents]\nconsole_url = 'leeway.example.org'",
            "as in https://leeway.example.org, got 'leeway.example.org'",
        ),
        ("[incidents]\nconsole_url = 'https://a/?x='", "incidents.console_url: expected where the pages"),
        ("[incidents.runbooks]\nchurn = 'javascript:1'", "got 'javascript:1' for 'churn'"),
        ("[incidents.runbooks]\nchurn = ''", "as in https://wiki.example.org/churn, got ''"),
        ("[http]\nhost = '0.0.0.0'", "http.allow_remote = true"),
        ("[http]\nhost = ''", "http.host is '', which others can reach"),
        ('[redis]\npassword_file = "zero\\u0000byte"', "cannot be read"),
        ('[redis]\nca_file = "zero\\u0000byte"', "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_its_mend(text: str, sentence: str) -> None:
    Path("empty").write_text("\n")
    Path("bytes").write_bytes(b"\xff\xfe\x00")
    assert sentence in refused(text)


def test_a_wrong_variable_is_named() -> None:
    said = refused(environ={"LEEWAY__JUDGE__REFERENCE": "many"})
    assert said == (
        "variable LEEWAY__JUDGE__REFERENCE: judge.reference: expected a whole number from 300 to 20000, got 'many'"
    )


def test_a_variable_that_names_a_section_is_told_what_is_in_it() -> None:
    said = refused(environ={"LEEWAY__KAFKA": "127.0.0.1:9092"})
    assert said == (
        "variable LEEWAY__KAFKA: 'kafka' is a section; set one of its settings, as in LEEWAY__KAFKA__BOOTSTRAP"
    )


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = refused("[judge]\nreference = 1\n[kafka]\nbotstrap = ''", {"LEEWAY__LOG__LEVEL": "loud"})
    assert len(said.splitlines()) == 3


def test_a_secret_of_the_wrong_type_is_not_repeated() -> None:
    said = refused("[redis]\npassword = 48151623")
    assert "expected a text" in said
    assert "48151623" not in said


def test_a_file_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(Misconfigured, match=r"absent.toml cannot be read: no such file or directory"):
        load(Path("absent.toml"), {}, {})


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nothing")], ids=["folder", "broken link"])
def test_a_leeway_toml_that_is_no_file_is_not_passed_over(make: Callable[[Path], None]) -> None:
    make(Path("leeway.toml"))
    with pytest.raises(Misconfigured, match=r"leeway.toml cannot be read"):
        load(None, {}, {})


def test_a_byte_order_mark_is_no_part_of_the_file() -> None:
    file = Path("my.toml")
    file.write_bytes(b"\xef\xbb\xbfgroup = 'here'")
    assert load(file, {}, {}).group == "here"


def test_one_setting_in_two_variables_is_refused() -> None:
    said = refused(environ={"LEEWAY__GROUP": "one", "LEEWAY__group": "other"})
    assert said == "variables LEEWAY__GROUP and LEEWAY__group set the same setting, 'group'; keep one"


def test_a_variable_that_lacks_an_underscore_is_told_its_name() -> None:
    said = refused(environ={"LEEWAY_KAFKA__BOOTSTRAP": "127.0.0.1:9092"})
    assert said == "variable LEEWAY_KAFKA__BOOTSTRAP sets nothing; did you mean LEEWAY__KAFKA__BOOTSTRAP?"
    assert load(None, {"LEEWAY_TRACEBACK": "1", "LEEWAY_DEMO_HOME": "x"}, {}) == Settings()
