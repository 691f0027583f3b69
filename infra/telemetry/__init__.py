"""Traces, metrics and logs. Every name that leaves the platform is in `names.py`."""
