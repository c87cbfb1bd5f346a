"""Ways to read a topic of events, one a file, each `run(stretch, meter)` in a process of its own."""
