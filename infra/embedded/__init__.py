"""The servers that `penstock up` runs by itself, and the supervisor that keeps every process of a machine alive.

Nothing here imports pydantic, a database driver or a broker client: the supervisor lives as long as the platform does,
and its memory counts. PostgreSQL's and NATS's binaries come from the optional extra `embedded`.
"""
