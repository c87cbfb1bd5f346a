"""One run of one way: `python -m benchmarks.ways NAME STRETCH`, as `benchmarks.turns` starts it."""

import json
import sys
from importlib import import_module

from benchmarks.meter import Meter, Stretch

if __name__ == "__main__":
    way, stretch = import_module(f"benchmarks.ways.{sys.argv[1]}"), Stretch(**json.loads(sys.argv[2]))
    meter = Meter(stretch)
    way.run(stretch, meter)
    meter.report()
