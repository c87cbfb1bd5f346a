"""docker-compose.yml and the Dockerfile, as far as they can be checked without a Docker daemon.

`docker-compose config` reads and completes the file; what it prints is what is checked.
"""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.cli import COMMANDS
from stream.config import load
from stream.settings import Settings
from tests.conftest import left_out

ROOT = Path(__file__).parent.parent
ROLES = {"profile-0", "profile-1", "judge", "incidents"}
OURS = ROLES | {"topics"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as Docker Compose understands it."""
    if shutil.which("docker-compose"):
        command = ["docker-compose"]
    elif (
        shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
    ):
        command = ["docker", "compose"]
    else:
        left_out("docker-compose is not on PATH; on Debian: apt-get install docker-compose")
    shown = subprocess.run([*command, "config"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    document: dict[str, Any] = yaml.safe_load(shown.stdout)
    return document


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def settings(service: dict[str, Any]) -> Settings:
    return load(None, {name: str(value) for name, value in service["environment"].items()}, {})


def test_every_part_is_there(services: dict[str, dict[str, Any]]) -> None:
    assert services.keys() == OURS | {"kafka", "redis"}
    assert re.fullmatch(r"apache/kafka:4\.\d+\.\d+", services["kafka"]["image"])
    assert re.fullmatch(r"redis:7\.\d+(-\w+)?", services["redis"]["image"])


def test_only_loopback_can_reach_it(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    for port in published:
        host = port["host_ip"] if isinstance(port, dict) else port.rpartition(":")[0].rpartition(":")[0]
        assert host == "127.0.0.1", port


def test_no_two_services_publish_the_same_port(services: dict[str, dict[str, Any]]) -> None:
    published = [
        port["published"] if isinstance(port, dict) else port.split(":")[1]
        for service in services.values()
        for port in service.get("ports", [])
    ]
    assert len(set(published)) == len(published)


def test_nobody_is_root_and_nobody_gains_rights(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["user"].split(":")[0] not in ("", "0", "root"), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name


def test_roots_are_read_only_but_for_kafka(services: dict[str, dict[str, Any]]) -> None:
    """Kafka's image writes its configuration below /opt when it starts."""
    assert {name for name, service in services.items() if not service.get("read_only")} == {"kafka"}


def test_everything_has_limits(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["mem_limit"], name
        assert float(service["cpus"]) > 0, name
        assert int(service["pids_limit"]) > 0, name


def test_everything_that_stays_is_healthy_or_started_again(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if name == "topics":  # ends when the topics are there
            continue
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name


def test_roles_wait_for_topics_and_redis(services: dict[str, dict[str, Any]]) -> None:
    assert services["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"
    for name in ROLES:
        waits = services[name]["depends_on"]
        assert waits["topics"]["condition"] == "service_completed_successfully", name
        assert waits["redis"]["condition"] == "service_healthy", name


def test_commands_exist_and_seats_differ(services: dict[str, dict[str, Any]]) -> None:
    commands = {name: words(services[name]["command"]) for name in OURS}
    assert {command[0] for command in commands.values()} <= set(COMMANDS)
    assert len({tuple(command) for command in commands.values()}) == len(commands)


def test_what_is_set_is_accepted_whole(services: dict[str, dict[str, Any]]) -> None:
    for name in OURS:
        chosen = settings(services[name])
        assert chosen.kafka.bootstrap == "kafka:19092", name
        assert f":{chosen.http.port}/readyz" in str(services[name].get("healthcheck")) or name == "topics"


def test_kafka_and_redis_keep_what_exactly_once_rests_on(compose: dict[str, Any]) -> None:
    kafka, redis = compose["services"]["kafka"], compose["services"]["redis"]
    assert kafka["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"
    assert kafka["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert "/var/lib/kafka/data" in str(kafka["volumes"])
    said = words(redis["command"])
    assert said[said.index("--appendonly") + 1] == "yes"
    assert said[said.index("--maxmemory-policy") + 1] == "noeviction"
    assert "/data" in str(redis["volumes"])
    assert compose["volumes"].keys() >= {"kafka", "redis"}


# --- the image


def instructions() -> list[list[str]]:
    """The Dockerfile, one instruction with its words an item."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_the_image_runs_as_nobody_in_particular() -> None:
    last_stage = instructions()[max(i for i, words in enumerate(instructions()) if words[0] == "FROM") :]
    users = [words[1] for words in last_stage if words[0] == "USER"]
    assert users == ["10001:10001"]


def test_everything_installed_is_named_by_its_hash() -> None:
    shell = [command for words in instructions() if words[0] == "RUN" for command in " ".join(words[1:]).split("&&")]
    installs = [command for command in shell if "pip install" in command]
    assert installs
    for command in installs:
        assert "--require-hashes" in command or {"--no-index", "--no-deps"} <= set(command.split()), command


def test_what_the_image_copies_is_there_and_is_sent_to_the_builder() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [
        source.rstrip("/")
        for words in instructions()
        if words[0] == "COPY" and not words[1].startswith("--from")
        for source in words[1:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source in sent, source


def words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else list(command)
