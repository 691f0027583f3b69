"""Gives each chunk its vector: those that are kept already, and the others from the version's model."""
