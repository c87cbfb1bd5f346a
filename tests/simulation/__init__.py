"""The real loop on a simulated Kafka, Redis and clock, under a scheduler that a seed decides. `world` says how."""
