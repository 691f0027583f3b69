"""Answers to questions that mean the same: which entry may answer, how sure that is, and what is learnt of it.

What is promised, and what is not: docs/adr/0023-semantic-cache.md.
"""
