"""`leeway demo`: four years of census records through the whole chain, with six outages put into them on the way.

Nothing is called behind Kafka's back: a producer writes JSON events, the roles run as in production, and what Leeway
said is read from its topics and compared with what was done.
"""


def run(kafka: str | None, redis: str | None, output: str, seed: int, keep: bool) -> int:
    """Run the demo; 0 when every outage was found and the false alarms are within the budget.

    `kafka` (HOST:PORT) and `redis` (a URL) name real servers; None takes the embedded ones. `output` is `table` or
    `json`. `keep` leaves the topics and the Redis keys of this run where they are.
    """
    from stream.demo.play import play

    return play(kafka, redis, output, seed, keep)
