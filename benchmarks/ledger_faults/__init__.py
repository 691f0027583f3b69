"""Whether the ledger adds up under faults: the bar of ten thousand requests, and what it is made of."""
