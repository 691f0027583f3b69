"""Writes what was used: one row an attempt, exactly once."""
