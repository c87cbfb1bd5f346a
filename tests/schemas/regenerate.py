"""Write `schemas/generated/` anew: `python -m tests.schemas.regenerate`. It is here, for `schemas` does no I/O."""

from pathlib import Path

from schemas.generate import documents

GENERATED = Path(__file__).parents[2] / "schemas" / "generated"


def main() -> None:
    """Write every document, and remove those that nothing describes any more."""
    GENERATED.mkdir(exist_ok=True)
    written = documents()
    for file in GENERATED.glob("*.json"):
        if file.name not in written:
            file.unlink()
    for name, content in written.items():
        (GENERATED / name).write_bytes(content)


if __name__ == "__main__":
    main()
