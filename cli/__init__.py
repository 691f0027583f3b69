"""The `penstock` command. Each command imports what it needs when it runs: the supervisor stays slim."""
