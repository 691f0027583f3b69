"""One folder a worker. Each has the same anatomy: `worker.py` wires it, and pure functions lie beside it."""
