"""A store's index over HTTP: its versions, going back, and re-indexes."""
