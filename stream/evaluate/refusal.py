"""What cannot be evaluated, said in a sentence: what, where, and how to mend it."""


class Refusal(ValueError):
    """A file, a column or a flag that makes no sense; the message is a sentence for the person who gave it."""
