"""Limits: what is counted by the minute over all processes, and what is open at the same time."""
