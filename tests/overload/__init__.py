"""More than can be done: floods of events, models beyond every quota, a Redis that dawdles. Nothing is lost, memory has
a bound, others are served, and afterwards all is as if nothing had been.

`python -m tests.overload --minutes 3` runs everything for as long and prints what it measured; the tests are the same
for seconds. What is true is asserted; what is measured is only said.
"""
