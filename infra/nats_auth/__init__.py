"""Who may speak to NATS: an operator's key, an account for Penstock, one for each tenant (ADR 0017)."""
