"""Reads the environment: every value typed, every fault one line that names the variable.

A value may come from ``NAME`` or, for secrets mounted as files, from the file that
``NAME_FILE`` names. An empty value counts as unset, because compose files pass empty strings.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
SECRET_MIN_CHARACTERS = 32  # shorter keys can be guessed; Django warns below 50 of its own kind
DATABASE_SCHEMES = frozenset({"postgres", "postgresql"})
REDIS_SCHEMES = frozenset({"redis", "rediss", "unix"})
EMAIL_SCHEMES = frozenset({"smtp", "smtps", "console", "file"})
LAST_PORT = 65535
SMTP_PORTS = {"smtp": 587, "smtps": 465}


class BadEnvironment(SystemExit):
    """Ends the process with exit code 1 and one line: a value is missing or malformed.

    A subclass of SystemExit, so that the line reads the same under manage.py, the web
    server, a worker and a test, without a traceback around it.
    """

    def __init__(self, name: str, reason: str) -> None:
        """Say which variable is wrong and why, on one line."""
        super().__init__(f"error: {name} {' '.join(reason.split())}")


class Environment:
    """Typed readers over a mapping of strings, by default the process environment."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        """Read from `values`; None means the environment of this process."""
        self._values: Mapping[str, str] = os.environ if values is None else values

    def find(self, name: str) -> str | None:
        """Return the value of `name`, or of the file in `name`_FILE; None when both are unset.

        Raises BadEnvironment when both are set, or the file cannot be read as text.
        """
        value = self._values.get(name) or None
        path = self._values.get(f"{name}_FILE") or None
        if path is None:
            return value
        if value is not None:
            raise BadEnvironment(name, f"and {name}_FILE are both set; keep one")
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except OSError as error:
            raise BadEnvironment(f"{name}_FILE", f"names {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BadEnvironment(f"{name}_FILE", f"names {path}, which is not UTF-8") from error

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return the value; without a default a missing one ends the process."""
        value = self.find(name)
        if value is not None:
            return value
        if default is None:
            raise BadEnvironment(name, f"is missing; set it, or {name}_FILE to a file with it")
        return default

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a truth value; anything but true/false, yes/no, on/off, 1/0 is refused."""
        value = self.find(name)
        if value is None:
            return default
        word = value.lower()
        if word in TRUE_WORDS or word in FALSE_WORDS:
            return word in TRUE_WORDS
        raise BadEnvironment(name, f"must be true or false, not {value!r}")

    def integer(self, name: str, *, default: int, minimum: int, maximum: int) -> int:
        """Return a whole number within minimum..maximum, both included."""
        value = self.find(name)
        if value is None:
            return default
        if not (value.isascii() and value.removeprefix("-").isdigit()):
            raise BadEnvironment(name, f"must be a whole number, not {value!r}")
        number = int(value)
        if not minimum <= number <= maximum:
            raise BadEnvironment(name, f"must be {minimum} to {maximum}, not {number}")
        return number

    def choice(self, name: str, *, default: str, choices: tuple[str, ...]) -> str:
        """Return one of `choices`."""
        value = self.text(name, default=default)
        if value not in choices:
            raise BadEnvironment(name, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def words(self, name: str, *, default: list[str]) -> list[str]:
        """Return a comma-separated list without blanks."""
        value = self.find(name)
        if value is None:
            return list(default)
        return [word.strip() for word in value.split(",") if word.strip()]

    def secret(self, name: str, *, default: str | None = None) -> str:
        """Return a key of at least SECRET_MIN_CHARACTERS; the key itself is never printed."""
        value = self.text(name, default=default)
        if value != default and len(value) < SECRET_MIN_CHARACTERS:
            raise BadEnvironment(name, f"is shorter than {SECRET_MIN_CHARACTERS} characters")
        return value

    def secrets(self, name: str, *, default: str | None = None) -> list[str]:
        """Return the keys of a comma-separated list, the one in use first; each as `secret`."""
        value = self.text(name, default=default)
        if value == default:
            return [value]
        keys = [key.strip() for key in value.split(",") if key.strip()]
        if not keys or min(map(len, keys)) < SECRET_MIN_CHARACTERS:
            raise BadEnvironment(
                name, f"has a key that is shorter than {SECRET_MIN_CHARACTERS} characters"
            )
        return keys

    def address(self, name: str, *, schemes: frozenset[str], default: str | None) -> SplitResult:
        """Return a URL of one of `schemes`; credentials in it are never printed."""
        value = self.text(name, default=default)
        wanted = ", ".join(f"{scheme}://" for scheme in sorted(schemes))
        try:
            parts = urlsplit(value)
            parts.port  # noqa: B018 - reading it is what checks it
        except ValueError as error:
            raise BadEnvironment(name, f"is not a URL: {error}") from error
        if parts.scheme not in schemes or not value.startswith(f"{parts.scheme}://"):
            raise BadEnvironment(name, f"must begin with one of {wanted}")
        return parts


def read_ports(env: Environment) -> tuple[int, int]:
    """Return the ports of the web and of the stream process, by default the one after it.

    Raises BadEnvironment.
    """
    port = env.integer("PORT", default=8000, minimum=1, maximum=LAST_PORT)
    beside = port + 1 if port < LAST_PORT else port - 1
    stream_port = env.integer("STREAM_PORT", default=beside, minimum=1, maximum=LAST_PORT)
    if stream_port == port:
        raise BadEnvironment("STREAM_PORT", f"must be another port than PORT, which is {port}")
    return port, stream_port


def read_database(env: Environment, name: str, *, default: str | None = None) -> dict[str, Any]:
    """Return NAME, USER, PASSWORD, HOST, PORT and OPTIONS of a PostgreSQL URL.

    ``postgresql://user:password@host:5432/name?sslmode=require``; for a unix socket the
    directory is given as ``?host=/path`` as libpq itself allows. Raises BadEnvironment.
    """
    parts = env.address(name, schemes=DATABASE_SCHEMES, default=default)
    options = dict(parse_qsl(parts.query))
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise BadEnvironment(name, "must name one database: postgresql://user@host:5432/name")
    return {
        "NAME": database,
        "USER": unquote(parts.username or options.pop("user", "")),
        "PASSWORD": unquote(parts.password or options.pop("password", "")),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": options.pop("port", "") or str(parts.port or ""),
        "OPTIONS": options,
    }


def read_redis(env: Environment, name: str, *, default: str | None = None) -> tuple[str, str]:
    """Return (URL for redis-py, URL for Celery's broker) of one Redis or Valkey server.

    The two write a unix socket differently: ``unix:///path?db=0`` and
    ``redis+socket:///path?virtual_host=0``. Raises BadEnvironment.
    """
    parts = env.address(name, schemes=REDIS_SCHEMES, default=default)
    if parts.scheme != "unix":
        if not parts.hostname:
            raise BadEnvironment(name, "must name a host: redis://host:6379/0")
        if not parts.path.removeprefix("/").isdigit() and parts.path not in {"", "/"}:
            raise BadEnvironment(name, "must end in a database number: redis://host:6379/0")
        return parts.geturl(), parts.geturl()
    if not parts.path.startswith("/") or parts.netloc:
        raise BadEnvironment(name, "must hold an absolute path: unix:///run/valkey.sock")
    number = dict(parse_qsl(parts.query)).get("db", "0")
    if not number.isdigit():
        raise BadEnvironment(name, f"has a db that is not a number: {number!r}")
    return (
        f"unix://{parts.path}?db={number}",
        f"redis+socket://{parts.path}?virtual_host={number}",
    )


def read_email(env: Environment, name: str, *, default: str) -> dict[str, Any]:
    """Return Django's EMAIL_* settings of a URL.

    ``smtp://user:password@host:587`` (STARTTLS; ``?tls=none`` turns it off),
    ``smtps://…`` (TLS from the first byte), ``console://``, ``file:///directory``.
    Raises BadEnvironment.
    """
    parts = env.address(name, schemes=EMAIL_SCHEMES, default=default)
    backend = "django.core.mail.backends"
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": f"{backend}.console.EmailBackend"}
    if parts.scheme == "file":
        return {
            "EMAIL_BACKEND": f"{backend}.filebased.EmailBackend",
            "EMAIL_FILE_PATH": unquote(parts.path),
        }
    if not parts.hostname:
        raise BadEnvironment(name, "must name a host: smtp://user:password@host:587")
    tls = dict(parse_qsl(parts.query)).get("tls", "starttls")
    if tls not in {"starttls", "none"}:
        raise BadEnvironment(name, f"has a tls that is neither starttls nor none: {tls!r}")
    return {
        "EMAIL_BACKEND": f"{backend}.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or SMTP_PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and tls == "starttls",
        "EMAIL_TIMEOUT": 20,
    }
