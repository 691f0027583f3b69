"""The ledger's tables beyond their rows: a partition a day, sums by hour, and the reports that are read of them."""
