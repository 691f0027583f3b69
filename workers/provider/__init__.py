"""Calls the provider. Publishes tokens while they come, then `completed` or `failed`, and a usage row an attempt."""
