"""The roles as the demo runs them: exactly as in production, as supervised processes started by their commands.

Kill any of them: the supervisor starts it again, and nothing changes but time.
"""

import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from typing import Self

import redis

from stream.demo.ground import Ground
from stream.embedded.port import NotServing
from stream.redis import connect
from stream.supervisor import Died, Event, Said, Started, Supervisor, command_of
from stream.whereabouts import ADDRESS

ROLES = ("profile", "judge", "incidents")
READY_S = 60.0  # a busy machine takes a third of it
ATTEMPTS = 4  # a role that ends so often before it was ever ready will not come up
LOOK_S = 0.1
ANSWER_S = 1.0
LAST_WORDS = 8


class Cast:
    """`say` is told, from `attend`, when a role ended or is back."""

    def __init__(self, ground: Ground, say: Callable[[str], None]) -> None:
        self._ground, self._say = ground, say
        self._events: deque[Event] = deque()
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._supervisor = Supervisor(
            {role: command_of(role, 0) for role in ROLES}, env=ground.environment, on_event=self._events.append
        )

    def __enter__(self) -> Self:
        self._supervisor.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._supervisor.stop()

    def wait(self) -> None:
        """Until every role says that it is ready. Raises NotServing when one does not come up."""
        give_up = time.monotonic() + READY_S
        missing = set(ROLES)
        while missing:
            self.attend()
            missing = {role for role in missing if not self._ready(role)}
            failing = any(child.restarts >= ATTEMPTS for child in self._supervisor.children.values())
            if missing and (failing or time.monotonic() > give_up):
                raise NotServing(self._refusal(missing))
            time.sleep(LOOK_S)

    def attend(self) -> None:
        """Pass on what happened since the last call."""
        while self._events:
            match self._events.popleft():
                case Said(name, line):
                    self._words.append(f"{name}: {line}")
                case Died() as death:
                    self._say(f"{death.name} ended ({death.how}); it is started again in {death.again_in_s:g} s")
                case Started(name, pid, restarts):
                    self._say(f"{name} is process {pid}" + (", started again" if restarts else ""))
                case _:
                    pass

    def _ready(self, role: str) -> bool:
        """Each role keeps the address of its own small HTTP server in Redis."""
        settings = self._ground.settings
        try:
            address = connect(settings.redis).get(f"{settings.redis.prefix}{ADDRESS}{role}-0")
            if not isinstance(address, bytes):
                return False
            with urllib.request.urlopen(f"http://{address.decode()}/readyz", timeout=ANSWER_S) as answer:
                return bool(answer.status == 200)
        except (redis.RedisError, urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def _refusal(self, missing: set[str]) -> str:
        words = "\n  ".join(self._words) or "nothing"
        return f"{' and '.join(sorted(missing))} did not become ready. The last that the roles said:\n  {words}"
