"""Keeps responses that can be asked for again: one row each, the newest state."""
