"""Is it a request at all? Publishes `validated`, or ends the request with the offending field's name."""
