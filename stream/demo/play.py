"""The demo as a command: find a ground to stand on, start the roles, run, report."""

import signal
import sys
from typing import NoReturn

import orjson
from confluent_kafka import KafkaException
from rich.console import Console

from stream.config import Misconfigured
from stream.demo.cast import Cast
from stream.demo.ground import ground
from stream.demo.lines import Lines
from stream.demo.run import Run
from stream.demo.screen import Screen
from stream.embedded.port import NotServing
from stream.kafka_trouble import explained

WIDTH = 150  # of the report where there is no terminal to ask


def play(kafka: str | None, redis: str | None, output: str, seed: int, keep: bool) -> int:
    """0 when every outage was found within the budget; 1 when not, or when the demo cannot be run here; 2 when what
    it is told to use cannot be."""
    for asking in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asking, _asked_to_end)
    words = Console(stderr=output == "json", highlight=False)
    if not words.is_terminal:
        words = Console(stderr=output == "json", highlight=False, width=WIDTH)
    screen = Screen(words) if words.is_terminal else Lines(words.file)
    try:
        with ground(kafka, redis, keep) as place:
            words.print(f"Running on {place.where}.")
            with Cast(place, screen.say) as cast:
                cast.wait()
                with screen:
                    report = Run(place, screen, seed, cast.attend).all()
    except Misconfigured as reason:
        print(f"The demo cannot begin: {reason}", file=sys.stderr)
        return 2
    except NotServing as reason:
        print(f"The demo cannot go on: {reason}.", file=sys.stderr)
        return 1
    except KafkaException as reason:
        print(f"The demo cannot go on: {explained(reason)}.", file=sys.stderr)
        return 1
    if output == "json":
        print(orjson.dumps(report.plain(), option=orjson.OPT_INDENT_2).decode(), flush=True)
    else:
        report.print(words)
    return 0 if report.good else 1


def _asked_to_end(number: int, frame: object) -> NoReturn:
    """Through every `with` block, so that nothing stays behind; whoever asks again does not stop that."""
    for asking in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asking, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
