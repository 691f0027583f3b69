"""GET /v1/usage: what was used, summed up."""
