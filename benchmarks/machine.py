"""On what a figure was measured: absolutes do not travel, so every result says where it comes from."""

import os
import platform
from importlib.metadata import version
from typing import Any

import confluent_kafka

LIBRARIES = ("confluent-kafka", "msgspec", "numpy", "orjson", "redis", "river")


def machine() -> dict[str, Any]:
    """Processor, cores, load, Python and the libraries that matter."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "librdkafka": confluent_kafka.libversion()[0],
        **{name: version(name) for name in LIBRARIES},
    }


def processor() -> str:
    """The name of the processor, as far as it can be known."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
