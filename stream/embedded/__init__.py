"""The parts a laptop lacks: a Kafka and a Redis for `leeway demo` and for fast tests, each in a process of its own."""
