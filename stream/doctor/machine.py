"""This machine and this installation: Python, libraries, namesakes, limits, and doors that stand open."""

import platform
import resource
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from stream import rooms
from stream.counting import native
from stream.doctor.finding import Finding
from stream.loopback import on_loopback
from stream.settings import Settings

# A connection to each broker and each client of the pages, a file for each library: a worker needs some hundred.
ENOUGH_DESCRIPTORS = 1_024
LIBRARIES = (
    "confluent-kafka",
    "faust-streaming",
    "aiokafka",
    "redis",
    "hiredis",
    "numpy",
    "river",
    "msgspec",
    "orjson",
)
FAUST = "0.15.3"  # the version whose behaviour is known: others acknowledge at other times


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything about this machine that can be seen without a network."""
    yield Finding("ok", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield from _libraries()
    if complaint := rooms.shadowed():
        yield Finding("error", "packages", complaint, "pip uninstall the other one, or use a fresh virtual environment")
    else:
        yield Finding("ok", "packages", "schemas, detectors and stream are Leeway's own")
    yield Finding("ok", "decoder", f"events are decoded {native.way(settings.profile.native)}")
    yield _descriptors()
    yield from _doors(settings)


def _libraries() -> Iterator[Finding]:
    import confluent_kafka

    found, missing = {}, []
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            missing.append(name)
    found["librdkafka"] = confluent_kafka.libversion()[0]
    yield Finding("ok", "libraries", ", ".join(f"{name} {number}" for name, number in found.items()))
    if missing:
        mend = f"pip install {' '.join(missing)}"
        yield Finding("warning", "libraries", f"{', '.join(missing)} is not installed as a distribution", mend)
    if found.get("faust-streaming", FAUST) != FAUST:
        what = f"faust-streaming is {found['faust-streaming']}, and Leeway is tested with {FAUST}"
        yield Finding("warning", "libraries", what, f"pip install faust-streaming=={FAUST}")


def _descriptors() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < ENOUGH_DESCRIPTORS:
        return Finding("warning", "file descriptors", f"the limit is {soft}", f"ulimit -n {ENOUGH_DESCRIPTORS} or more")
    return Finding("ok", "file descriptors", "no limit" if soft == resource.RLIM_INFINITY else f"the limit is {soft}")


def _doors(settings: Settings) -> Iterator[Finding]:
    if not on_loopback(settings.http.host):
        what = f"the workers' pages are served on {settings.http.host}, and have no authentication"
        yield Finding("warning", "pages", what, 'http.host = "127.0.0.1", or a proxy that authenticates')
    if not settings.privacy.key and not settings.privacy.key_file:
        what = "texts leave the profile worker as hashes without a key: short ones can be guessed"
        yield Finding("warning", "privacy", what, "set privacy.key_file to a file with a random key, the same for all")
