"""Finds what documents say, and measures how well: searches, evaluations."""
