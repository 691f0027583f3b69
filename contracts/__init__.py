"""Versioned message contracts: what travels between processes, and nothing else.

No I/O lives here and nothing of Penstock is imported: every other package may import this one.
"""
