"""Budgets: what may be spent is reserved before a call, and what was spent is settled with the ledger's rows."""
