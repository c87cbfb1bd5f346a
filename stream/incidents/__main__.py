"""The Faust app with its own command line: `python -m stream.incidents --help`. Settings as everywhere else."""

import time

from stream import config
from stream.incidents import commands
from stream.incidents.app import create
from stream.incidents.process import connect
from stream.incidents.store import Store


def main() -> None:
    settings = config.current(None, {})
    store = Store(connect(settings.redis), settings.redis.prefix, settings.incidents)
    app = create(settings, "console", 0, embedded=False)
    commands.add(app, settings, store, time.time_ns() // 1_000_000)
    app.main()


if __name__ == "__main__":
    main()
