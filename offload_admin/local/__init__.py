"""The embedded PostgreSQL and Valkey, and the supervisor of `make run`.

Each service belongs to one *keeper*, a small process of its own. Whoever uses the service holds
a shared lock on a file; the keeper stops the service when it gets that lock for itself, that is
when the last user has gone, however it went: the kernel releases locks of killed processes.
"""
