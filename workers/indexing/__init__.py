"""Writes documents into index versions, many at once, and keeps the versions in good shape."""
