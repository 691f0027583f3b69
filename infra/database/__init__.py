"""PostgreSQL: tables, migrations, and the queries that others call."""
