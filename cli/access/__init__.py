"""`penstock org`, `tenant`, `key`, `audit`: who may do what. They work on the database, without an API."""
