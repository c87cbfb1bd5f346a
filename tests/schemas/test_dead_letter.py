"""A dead letter is the record as it came, or as much of it as its topic takes."""

import random

import pytest

from schemas.dead_letter import DeadLetter, fitting, from_headers, size


def test_a_letter_fits_whatever_is_in_it() -> None:
    chance = random.Random(1)
    for _ in range(40):
        value, key = (
            chance.randbytes(chance.choice((0, 9, 90_000, 900_000))),
            chance.randbytes(chance.choice((0, 9, 90_000))),
        )
        headers = [(f"n{at}", chance.randbytes(chance.randrange(400))) for at in range(chance.choice((0, 1, 3_000)))]
        letter = from_headers(key, value, [*headers, ("leeway.error.code", b"schema")])
        most = chance.choice((50_000, 300_000, 2_000_000))
        fit = fitting(letter, most)
        assert isinstance(fit, DeadLetter)
        assert size(fit) <= most
        assert (fit is letter) == (size(letter) <= most)
        assert bool(fit.cut) == (fit is not letter)


@pytest.mark.parametrize("name", ["partition", "offset", "timestamp"])
@pytest.mark.parametrize("number", ["", "three", "1_000", "٣", "9" * 5_000])
def test_a_place_that_is_no_number_is_refused_in_a_sentence(name: str, number: str) -> None:
    headers = [("leeway.error.code", b"schema"), (f"leeway.error.{name}", number.encode())]
    with pytest.raises(ValueError, match=f"the header 'leeway.error.{name}' of this record is no whole number; "):
        from_headers(None, b"{}", headers)
