"""Who may do what, and how much of it: organisations, tenants, keys, their limits and budgets."""
