"""Whether `schemas`, `detectors` and `stream` are ours: such plain names exist on the public index too.

>>> shadowed() is None
True
"""

import importlib.util
from pathlib import Path

ROOMS = ("schemas", "detectors", "stream")
OURS = {"schemas": "subject.py", "detectors": "urn.py", "stream": "supervisor.py"}  # a file that no namesake has


def shadowed() -> str | None:
    """A sentence when a foreign package would be imported in the place of one of ours, else None."""
    home = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        folders = [Path(folder).resolve() for folder in (spec and spec.submodule_search_locations) or ()]
        if folders == [home / room]:
            continue
        if any((folder / OURS[room]).is_file() for folder in folders):
            return (
                f"Two copies of Leeway are mixed: '{room}' comes from {folders[0]}, the rest from {home}. "
                "Uninstall one of them, or start from another folder."
            )
        found = folders[0] if folders else (spec and spec.origin) or "nowhere"
        return (
            f"The package '{room}' is not Leeway's: Python finds it at {found}, and Leeway is in {home}. Uninstall the "
            f"other distribution called '{room}', start from another folder, or use a virtual environment of its own."
        )
    return None
