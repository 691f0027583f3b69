"""Which deployments may answer? Publishes `routed` to the first one's provider, or ends the request as unknown."""
