"""Builds the next version of a store's index beside the live one, and lets it answer if it is no worse."""
