"""All there are, by name."""

from typing import Final

from tests.simulation.judged import JUDGE
from tests.simulation.profiled import PROFILE
from tests.simulation.roles import ADDING, ALARMING
from tests.simulation.scenario import Scenario

SCENARIOS: Final[dict[str, Scenario]] = {
    "alarming": ALARMING,
    "adding": ADDING,
    "profile": PROFILE,
    "judge": JUDGE,
}
