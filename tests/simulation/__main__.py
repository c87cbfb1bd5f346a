"""Replay one seed, or run many: `python -m tests.simulation FROM [TO] [alarming|adding] [a name in mutations.py]`."""

import sys
import time
from collections import Counter

from tests.simulation.mutations import MUTATIONS
from tests.simulation.roles import Adding, Alarming
from tests.simulation.world import Change, Violated, World

ROLES = {"alarming": Alarming, "adding": Adding}


def main(arguments: list[str]) -> int:
    numbers = [int(word) for word in arguments if word.isdecimal()]
    words = [word for word in arguments if not word.isdecimal()]
    if not numbers or len(numbers) > 2:
        print(__doc__)
        return 2
    roles = [ROLES[word] for word in words if word in ROLES] or list(ROLES.values())
    bugs = [MUTATIONS[word] for word in words if word in MUTATIONS]
    seeds = range(numbers[0], numbers[1] if len(numbers) == 2 else numbers[0] + 1)
    return 3 if sum(campaign(role, seeds, bugs[0] if bugs else None) for role in roles) else 0


def campaign(role: type, seeds: range, bug: Change | None) -> int:
    began, seen, failed = time.monotonic(), Counter[str](), 0
    for seed in seeds:
        world = World(seed, role, bug)
        try:
            world.run()
        except Violated as violated:
            failed += 1
            print(f"{role.__name__} seed {seed}: {violated}")
        seen.update(world.seen)
    print(f"{role.__name__}: {failed} of {len(seeds)} failed, {time.monotonic() - began:.1f} s, {dict(seen)}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
