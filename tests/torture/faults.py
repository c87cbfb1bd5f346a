"""The faults: each a short script that says when it goes on, so that many can be under way at once.

A script yields seconds to wait and returns "" when the fault was inflicted, else why it could not be. What is wrong by
itself, such as a zombie that does not end, is told to the ground.
"""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import redis

from tests.servers import RealKafka, RealRedis
from tests.torture.ground import FENCED_ENDS, Ground, Seat, frozen

ROLES = ("profile", "judge", "incidents")
SLOTS = (0, 1)
STARTING = ("acquired", "assigned")  # passed when lanes are assigned: the worker is killed so that the next passes them
ENDING = ("revoking", "revoked")  # passed when lanes are given back: the worker is asked to end
RECALLING = ("before recalling", "recalled")  # passed when Redis has forgotten the incidents
LOOPING = (
    "folded",
    "before transaction",
    "produced",
    "offsets sent",
    "committed",
    "before snapshot",
    "snapshot written",
)
APPLYING = (
    "before applying",
    "applied",
    "before publishing",
    "published",
    "before noting",
    "noted",
    "before hearing",
    "heard",
)

TICK_S = 0.05
PASSED_WITHIN_S = 30.0  # a seam: a worker that has just started needs a while
ENDED_WITHIN_S = 60.0  # a worker that was asked to, or that wakes and finds its seat taken
FULL_WITHIN_S = 15.0  # a disk: Redis has to write first
TAIL_BYTES = 4_000  # what a power cut takes of a file that is synced every second, at this load

# Also while Kafka is away, and before Python has come to where it listens.
ASKED_ENDS = {0, -signal.SIGTERM, *FENCED_ENDS}

Script = Generator[float, None, str]
Worker: TypeAlias = "subprocess.Popen[str]"


@dataclass
class Scene:
    """Where faults happen."""

    ground: Ground
    kafka: RealKafka
    redis: RealRedis
    chance: Random
    session_s: float
    starter: Executor  # of servers: its threads stay, and their children with them


@dataclass
class Fault:
    """One fault. `at` is when it was inflicted (seconds since 1970), `why_not` why it was not."""

    kind: str
    script: "Callable[[Scene, Fault], Script]"
    role: str = ""  # none: it befalls a server, and every role
    slot: int = 0
    seam: str = ""
    server: str = ""
    at: float = 0.0
    why_not: str = ""
    victim: Any = None  # the worker that obeyed an order

    @property
    def name(self) -> str:
        return f"{self.kind} ({self.role})" if self.role else self.kind

    @property
    def seat(self) -> Seat:
        return Seat(self.role, self.slot)

    @property
    def befalls(self) -> set[Any]:
        """What can bear one fault at a time."""
        return {each for each in (self.server, self.role and self.seat) if each}

    def inflicted(self) -> None:
        self.at = time.time()


# ---- on workers ------------------------------------------------------------------------------------------------------


def kill(scene: Scene, fault: Fault) -> Script:
    """It is started again at once."""
    worker = scene.ground.workers[fault.seat]
    worker.kill()
    fault.inflicted()
    yield from gone(worker)
    return ""


def kill_and_leave(scene: Scene, fault: Fault) -> Script:
    """Its seat stays empty for longer than the session: the others take its lanes over."""
    ground, worker = scene.ground, scene.ground.workers[fault.seat]
    ground.empty.add(fault.seat)
    worker.kill()
    fault.inflicted()
    yield longer_than_session(scene)
    worker.wait()
    ground.start(*fault.seat)
    return ""


def terminate(scene: Scene, fault: Fault) -> Script:
    ground, worker = scene.ground, scene.ground.workers[fault.seat]
    ground.empty.add(fault.seat)
    worker.terminate()
    fault.inflicted()
    yield from ended(scene, worker, f"{fault.seat} was asked to end", ASKED_ENDS)
    ground.start(*fault.seat)
    return ""


def freeze(scene: Scene, fault: Fault) -> Script:
    """It stands still for longer than its session, and wakes."""
    worker = scene.ground.workers[fault.seat]
    worker.send_signal(signal.SIGSTOP)
    fault.inflicted()
    if why_not := (yield from stopped(worker)):
        return why_not
    yield longer_than_session(scene)
    worker.send_signal(signal.SIGCONT)
    return ""


def freeze_and_replace(scene: Scene, fault: Fault) -> Script:
    """It wakes when another has long taken its seat."""
    worker = scene.ground.workers[fault.seat]
    worker.send_signal(signal.SIGSTOP)
    fault.inflicted()
    return (yield from stopped(worker)) or (yield from replaced(scene, fault, worker))


def kill_at_seam(scene: Scene, fault: Fault) -> Script:
    ground, worker = scene.ground, scene.ground.workers[fault.seat]
    order(scene, fault, "kill")
    if fault.seam in STARTING:
        worker.kill()
    if fault.seam in ENDING:
        ground.empty.add(fault.seat)
        worker.terminate()
    why_not = yield from obeyed(scene, fault)
    if not why_not:
        yield from gone(fault.victim)
    if fault.seam in ENDING:
        yield from ended(scene, worker, f"{fault.seat} was asked to end", ASKED_ENDS | {-signal.SIGKILL})
        ground.start(*fault.seat)
    return why_not


def freeze_at_seam(scene: Scene, fault: Fault) -> Script:
    why_not = yield from frozen_at_seam(scene, fault)
    if not why_not:
        yield longer_than_session(scene)
        fault.victim.send_signal(signal.SIGCONT)
    return why_not


def freeze_at_seam_and_replace(scene: Scene, fault: Fault) -> Script:
    return (yield from frozen_at_seam(scene, fault)) or (yield from replaced(scene, fault, fault.victim))


def frozen_at_seam(scene: Scene, fault: Fault) -> Script:
    order(scene, fault, "stop")
    if fault.seam in STARTING:
        scene.ground.workers[fault.seat].kill()
    return (yield from obeyed(scene, fault)) or (yield from stopped(fault.victim))


def order(scene: Scene, fault: Fault, what: str) -> None:
    nth = scene.chance.randrange(1, 4) if fault.seam in LOOPING + APPLYING else 1
    scene.ground.order(fault.seat, f"{fault.seam}:{nth}:{what}")
    if fault.seam in RECALLING:
        forget(scene)


def obeyed(scene: Scene, fault: Fault) -> Script:
    give_up = time.monotonic() + PASSED_WITHIN_S
    fault.victim = scene.ground.workers[fault.seat]
    while not scene.ground.obeyed(fault.seat):
        fault.victim = scene.ground.workers[fault.seat]  # who sat there until it was obeyed
        left = fault.seat in scene.ground.empty and fault.victim.poll() is not None
        if (left or time.monotonic() > give_up) and scene.ground.take_back(fault.seat):
            when = "before it ended" if left else f"within {PASSED_WITHIN_S:.0f} s"
            return f"no worker passed '{fault.seam}' {when}"
        yield TICK_S
    fault.inflicted()
    return ""


def stopped(worker: Worker) -> Script:
    """A worker that is dying does not stand still any more."""
    while not frozen(worker):
        if worker.poll() is not None:
            return "the worker ended by itself in that moment"
        yield TICK_S
    return ""


def gone(worker: Worker) -> Generator[float, None, None]:
    """Until the kernel has done with it: before that nothing else can befall it."""
    while worker.poll() is None:
        yield TICK_S


def replaced(scene: Scene, fault: Fault, zombie: Worker) -> Script:
    """Another takes the seat of one that stands still; when it wakes, it has to end by itself."""
    scene.ground.start(*fault.seat)
    yield longer_than_session(scene) + 2.0  # another worker needs that long to be there at all
    zombie.send_signal(signal.SIGCONT)
    yield from ended(scene, zombie, f"{fault.seat} woke and its seat was taken", set(FENCED_ENDS))
    return ""


def ended(scene: Scene, worker: Worker, why: str, by: set[int]) -> Generator[float, None, None]:
    """Wait until it has; tell the ground when it does not, or in another way."""
    give_up = time.monotonic() + ENDED_WITHIN_S
    while worker.poll() is None and time.monotonic() < give_up:
        yield TICK_S
    if worker.poll() is None:
        scene.ground.odd_ends.append(f"{why}, and it went on for {ENDED_WITHIN_S:.0f} s")
        worker.kill()
        worker.wait()
    elif worker.returncode not in by:
        scene.ground.odd_ends.append(f"{why}, and it ended with status {worker.returncode}")


def longer_than_session(scene: Scene) -> float:
    return scene.session_s * scene.chance.uniform(1.3, 2.5)


# ---- on Redis --------------------------------------------------------------------------------------------------------


def kill_redis(scene: Scene, fault: Fault) -> Script:
    """With a file that is synced every second, a killed process loses nothing that it has written."""
    yield from killed(scene, fault, scene.redis, down_s=(0.3, 5.0))
    return ""


def cut_redis(scene: Scene, fault: Fault) -> Script:
    """What a power cut may do: the end of the file is gone, at any byte; half of the times much more than the end."""

    def cut() -> None:
        file = scene.redis.appended
        size = file.stat().st_size
        end = scene.chance.randrange(1, TAIL_BYTES) if scene.chance.random() < 0.5 else scene.chance.randrange(size + 1)
        os.truncate(file, max(0, size - end))

    yield from killed(scene, fault, scene.redis, down_s=(0.1, 2.0), meanwhile=cut)
    return ""


def flush_redis(scene: Scene, fault: Fault) -> Script:
    forget(scene)
    fault.inflicted()
    yield TICK_S
    return ""


def fill_memory_of_redis(scene: Scene, fault: Fault) -> Script:
    """`maxmemory` of a byte, without eviction: Redis answers, and refuses every write."""
    with client(scene) as asked:
        asked.config_set("maxmemory", 1)
        fault.inflicted()
        try:
            asked.set("leeway:torture", "x")
            why_not = "Redis takes writes beyond its maxmemory"
        except redis.OutOfMemoryError:
            why_not = ""
        yield scene.chance.uniform(2.0, 8.0)
        asked.config_set("maxmemory", 0)
    return why_not


def fill_disk_of_redis(scene: Scene, fault: Fault) -> Script:
    """A limit on the size of its files stands for the disk: writes fail in the kernel, and Redis says MISCONF."""
    size, hard = scene.redis.appended.stat().st_size, resource.RLIM_INFINITY
    resource.prlimit(scene.redis.pid, resource.RLIMIT_FSIZE, (size + scene.chance.randrange(500), hard))
    give_up = time.monotonic() + FULL_WITHIN_S
    with client(scene) as asked:
        while asked.info("persistence")["aof_last_write_status"] == "ok" and time.monotonic() < give_up:
            yield TICK_S
        why_not = "" if time.monotonic() < give_up else f"Redis wrote nothing for {FULL_WITHIN_S:.0f} s"
        fault.inflicted()
        yield scene.chance.uniform(2.0, 8.0)
        resource.prlimit(scene.redis.pid, resource.RLIMIT_FSIZE, (hard, hard))
    return why_not


def freeze_redis(scene: Scene, fault: Fault) -> Script:
    """As if the network to it stood still: connections stay, nothing comes."""
    os.kill(scene.redis.pid, signal.SIGSTOP)
    fault.inflicted()
    yield scene.chance.uniform(1.0, 8.0)
    os.kill(scene.redis.pid, signal.SIGCONT)
    return ""


def forget(scene: Scene) -> None:
    with client(scene) as asked:
        asked.flushall()


def client(scene: Scene) -> redis.Redis:
    return redis.Redis.from_url(scene.redis.url, socket_timeout=10)


# ---- on Kafka --------------------------------------------------------------------------------------------------------


def kill_kafka(scene: Scene, fault: Fault) -> Script:
    yield from killed(scene, fault, scene.kafka, down_s=(0.1, 4.0))
    return ""


def freeze_kafka(scene: Scene, fault: Fault) -> Script:
    """As if the network to it stood still, for a second or for longer than a session."""
    scene.kafka.freeze()
    fault.inflicted()
    yield scene.chance.uniform(1.0, 2.0 * scene.session_s)
    scene.kafka.thaw()
    return ""


# ---- on either -------------------------------------------------------------------------------------------------------


def killed(
    scene: Scene,
    fault: Fault,
    server: RealKafka | RealRedis,
    down_s: tuple[float, float],
    meanwhile: Callable[[], None] = lambda: None,
) -> Generator[float, None, None]:
    """kill -9, and some seconds later it is started again, while everything else goes on."""
    server.kill()
    fault.inflicted()
    meanwhile()
    yield scene.chance.uniform(*down_s)
    starting = scene.starter.submit(server.start)
    while not starting.done():
        yield TICK_S
    starting.result()


# ---- all of them -----------------------------------------------------------------------------------------------------

AT_SEAMS = {
    "kill -9 at a seam": kill_at_seam,
    "frozen at a seam past its session": freeze_at_seam,
    "frozen at a seam, seat taken": freeze_at_seam_and_replace,
}
AT_RANDOM = {  # how often in a deck
    ("kill -9", kill): 2,
    ("kill -9, seat left empty", kill_and_leave): 2,
    ("frozen past its session", freeze): 2,
    ("frozen, seat taken", freeze_and_replace): 1,
    ("SIGTERM", terminate): 1,
}
ON_SERVERS = {
    ("Redis kill -9", "redis", kill_redis): 2,
    ("Redis AOF cut", "redis", cut_redis): 4,
    ("Redis FLUSHALL", "redis", flush_redis): 2,
    ("Redis out of memory", "redis", fill_memory_of_redis): 2,
    ("Redis disk full", "redis", fill_disk_of_redis): 2,
    ("Redis frozen", "redis", freeze_redis): 2,
    ("Kafka kill -9", "kafka", kill_kafka): 3,
    ("Kafka frozen", "kafka", freeze_kafka): 3,
}


def deck(chance: Random) -> list[Fault]:
    """Every fault at every seam, in random order; those of servers evenly among those of workers."""
    workers = [*at_seams(), *at_random()]
    servers = [Fault(kind, script, server=server) for (kind, server, script), n in ON_SERVERS.items() for _ in range(n)]
    for pile in (workers, servers):
        chance.shuffle(pile)
    every = len(workers) // len(servers) + 1
    for number, fault in enumerate(servers):
        workers.insert(number * (every + 1) + every // 2, fault)
    for fault in workers:
        fault.slot = chance.choice(SLOTS)
    return workers


def at_seams() -> Iterator[Fault]:
    for role in ROLES:
        for seam in APPLYING if role == "incidents" else STARTING + LOOPING:
            for kind, script in AT_SEAMS.items():
                yield Fault(kind, script, role, seam=seam)
        for seam in RECALLING if role == "incidents" else ENDING:
            server = "redis" if role == "incidents" else ""
            yield Fault("kill -9 at a seam", kill_at_seam, role, seam=seam, server=server)


def at_random() -> Iterator[Fault]:
    for role in ROLES:
        for (kind, script), times in AT_RANDOM.items():
            for _ in range(times):
                yield Fault(kind, script, role)
