"""A secret is given as a value or, better, as a file that holds it.

>>> secret("s3cret", "")
's3cret'
"""

from pathlib import Path


def secret(value: str, file: str) -> str:
    """The value, else what the file says without its last line break, else an empty text."""
    return value if value or not file else Path(file).read_text(encoding="utf-8").rstrip("\r\n")
