"""Puts the embedded services' addresses into the environment of one process."""

import os
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from offload_admin.env import Environment, read_database, read_redis
from offload_admin.local.lease import Lease
from offload_admin.local.state import read_or_make_secret, secret_path, state_directory

SERVICES = {"DATABASE_URL": "postgres", "REDIS_URL": "valkey"}
READERS: dict[str, Callable[[Environment, str], object]] = {
    "DATABASE_URL": read_database,
    "REDIS_URL": read_redis,
}
SECRETS = ("SECRET_KEY", "SIGNING_KEY")
# Commands that touch neither database nor broker; all others get both.
OFFLINE_COMMANDS = frozenset(
    {
        "help",
        "version",
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "makemessages",
        "spectacular",
        "verify_audit",
    }
)
HELP_FLAGS = frozenset({"-h", "--help", "--version"})


@contextmanager
def services_for_command(arguments: Sequence[str]) -> Iterator[None]:
    """Give a `manage.py` command its services for as long as it runs.

    Each service is decided by itself: with DATABASE_URL set no PostgreSQL is started, with
    REDIS_URL set no Valkey. Raises LocalFault, BadEnvironment.
    """
    is_offline = len(arguments) <= 1 or arguments[1] in OFFLINE_COMMANDS
    if (is_offline and "--database" not in arguments) or HELP_FLAGS & set(arguments):
        yield
        return
    with attached(os.environ):
        yield


@contextmanager
def attached(environment: MutableMapping[str, str]) -> Iterator[list[Lease]]:
    """Complete `environment` by the embedded services and the secrets of the state directory.

    Yields the leases held. Secrets are filled in only beside an embedded database, or where
    a local run has made them before: a production without SECRET_KEY must not get one that
    no other process knows. Raises LocalFault, BadEnvironment.
    """
    env = Environment(environment)
    state = state_directory(env)
    has_own_database = env.find("DATABASE_URL") is None
    for variable, read in READERS.items():  # before anything starts
        if env.find(variable) is not None:
            read(env, variable)
    with ExitStack() as stack:
        leases = []
        for variable, service in SERVICES.items():
            if env.find(variable) is None:
                lease = stack.enter_context(Lease(state, service))
                environment[variable] = lease.url
                leases.append(lease)
        fill_secrets(environment, state, can_make=has_own_database)
        yield leases


def fill_secrets(environment: MutableMapping[str, str], state: Path, *, can_make: bool) -> None:
    """Put the state directory's secrets in for those that are unset. Raises LocalFault."""
    env = Environment(environment)
    for name in SECRETS:
        if env.find(name) is None and (can_make or secret_path(state, name).exists()):
            environment[name] = read_or_make_secret(state, name)
