"""The demo without a terminal: a line when something happens, and one every few seconds when nothing does."""

from typing import IO

from stream.demo.scene import Scene
from stream.many import many

EVERY_S = 5.0


class Lines:
    """Writes to `out` and forgets."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._last_s = -EVERY_S

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def say(self, sentence: str, mark: str = "·") -> None:
        """Something happened."""
        print(f"{mark} {sentence}", file=self._out, flush=True)

    def show(self, scene: Scene) -> None:
        """How it goes, if it is time to say so again."""
        if scene.seconds - self._last_s < EVERY_S:
            return
        self._last_s = scene.seconds
        standing = sum(incident.state == "open" for incident in scene.incidents)
        self.say(
            f"{scene.seconds:3.0f} s  {scene.sent:,} of {scene.total:,} events sent, {scene.counted:,} counted, "
            f"{scene.per_second:,.0f}/s  {scene.gauges.state}, {many(standing, 'open incident')}  {scene.phase}"
        )
