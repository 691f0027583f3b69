"""`penstock ingest`: files into a store, as many as there are, as often as they change."""
