"""Asked for a command that there is not, each group says which was meant, or where its own are listed."""

import pytest

from tests.cli.command import leeway


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("evalute", "There is no command 'evalute'. Did you mean 'leeway evaluate'?"),
        ("incidens", "There is no command 'incidens'. Did you mean 'leeway incidents'?"),
        ("xyz", "There is no command 'xyz'. 'leeway --help' lists the commands."),
        ("topics creat", "There is no command 'creat'. Did you mean 'leeway topics create'?"),
        ("dlq redrve 1", "There is no command 'redrve'. Did you mean 'leeway dlq redrive'?"),
        ("config xyz", "There is no command 'xyz'. 'leeway config --help' lists the commands."),
        ("incident ack inc-1", "There is no command 'ack'. Did you mean 'leeway incident acknowledge'?"),
        ("incident snooze inc-1", "There is no command 'snooze'. 'leeway incident --help' lists the commands."),
    ],
)
def test_a_command_that_there_is_not_is_answered_with_the_one_that_was_meant(words: str, sentence: str) -> None:
    ended = leeway(*words.split())
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == f"Error: {sentence}"


def test_what_looks_like_an_option_is_called_one() -> None:
    ended = leeway("topics", "--craete")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == "Error: No such option: --craete"
