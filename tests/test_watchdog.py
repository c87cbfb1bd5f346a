"""A call that never returns ends the worker: by the kernel, for no line of Python runs any more."""

import signal
import subprocess
import sys

import pytest

from tests.cli.command import environment
from tests.conftest import Platform

pytestmark = pytest.mark.slow

HANGING = """
import sys
import threading
from confluent_kafka import Consumer, Producer
from stream.engine import loop
from stream.settings import Kafka, Settings
from tests.test_loop import Listing

bootstrap, prefix, call, alarm = sys.argv[1:]
for name in ("START_ALARM_S", "STEP_ALARM_S", "COMMIT_ALARM_S"):
    setattr(loop, name, 1 if name == alarm else 0)  # none

def hang(*given):
    threading.Event().wait()

def hanging(client):
    return type(client.__name__, (client,), {call: hang} if hasattr(client, call) else {})

settings = Settings(kafka=Kafka(bootstrap=bootstrap), group=prefix + "group")
role = Listing([prefix + "source"], prefix + "out")
loop.Loop(role, settings, "0", consumer=hanging(Consumer), producer=hanging(Producer)).run(lambda: False)
"""


@pytest.mark.parametrize("platform", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("call", "alarm"),
    [
        ("init_transactions", "START_ALARM_S"),
        ("consume", "STEP_ALARM_S"),
        ("close", "STEP_ALARM_S"),
        ("send_offsets_to_transaction", "COMMIT_ALARM_S"),
        ("commit_transaction", "COMMIT_ALARM_S"),
    ],
)
def test_a_call_that_never_returns_ends_the_worker(platform: Platform, call: str, alarm: str) -> None:
    platform.create({"source": 1, "out": 1})
    program = HANGING.replace("lambda: False", "lambda: True") if call == "close" else HANGING
    words = [sys.executable, "-c", program, platform.bootstrap, platform.prefix, call, alarm]
    worker = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert worker.returncode == -signal.SIGALRM, worker.stderr
