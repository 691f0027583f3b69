"""Administration over HTTP: organisations, tenants, keys, and what was changed of them."""
