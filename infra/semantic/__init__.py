"""The semantic cache's tables, each tenant's rows for that tenant alone: row-level security, forced, sees to it."""
