"""The environment: typed, and every fault one line that names the variable."""

import pytest

from offload_admin.env import (
    BadEnvironment,
    Environment,
    read_database,
    read_email,
    read_ports,
    read_redis,
)


def refusal(read) -> str:
    with pytest.raises(BadEnvironment) as caught:
        read()
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_value_may_come_from_a_file(tmp_path):
    path = tmp_path / "key"
    path.write_text("from a file\n")
    assert Environment({"NAME_FILE": str(path)}).text("NAME") == "from a file"


def test_an_empty_value_is_unset():
    assert Environment({"NAME": "", "NAME_FILE": ""}).text("NAME", default="other") == "other"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "error: NAME is missing; set it, or NAME_FILE to a file with it"),
        (
            {"NAME": "a", "NAME_FILE": "b"},
            "error: NAME and NAME_FILE are both set; keep one",
        ),
        (
            {"NAME_FILE": "/nowhere/key"},
            "error: NAME_FILE names /nowhere/key: No such file or directory",
        ),
        ({"NAME_FILE": "/"}, "error: NAME_FILE names /: Is a directory"),
    ],
)
def test_a_missing_value_is_named(values, line):
    assert refusal(lambda: Environment(values).text("NAME")) == line


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"\xff\xfe")
    line = refusal(lambda: Environment({"NAME_FILE": str(path)}).text("NAME"))
    assert line == f"error: NAME_FILE names {path}, which is not UTF-8"


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "ON"])
def test_words_for_true(word):
    assert Environment({"DEBUG": word}).flag("DEBUG", default=False) is True


@pytest.mark.parametrize("word", ["false", "0", "No", "off"])
def test_words_for_false(word):
    assert Environment({"DEBUG": word}).flag("DEBUG", default=True) is False


def test_other_words_are_refused():
    line = refusal(lambda: Environment({"DEBUG": "maybe"}).flag("DEBUG", default=False))
    assert line == "error: DEBUG must be true or false, not 'maybe'"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("abc", "error: PORT must be a whole number, not 'abc'"),
        ("80.0", "error: PORT must be a whole number, not '80.0'"),
        ("٨٠", "error: PORT must be a whole number, not '٨٠'"),
        ("--8", "error: PORT must be a whole number, not '--8'"),
        ("0", "error: PORT must be 1 to 65535, not 0"),
        ("65536", "error: PORT must be 1 to 65535, not 65536"),
    ],
)
def test_a_number_out_of_bounds_is_refused(value, line):
    env = Environment({"PORT": value})
    assert refusal(lambda: env.integer("PORT", default=1, minimum=1, maximum=65535)) == line


@pytest.mark.parametrize(
    ("values", "ports"),
    [
        ({}, (8000, 8001)),
        ({"PORT": "9000"}, (9000, 9001)),
        ({"PORT": "65535"}, (65535, 65534)),
        ({"PORT": "9000", "STREAM_PORT": "80"}, (9000, 80)),
    ],
)
def test_the_stream_has_the_port_beside(values, ports):
    assert read_ports(Environment(values)) == ports


def test_two_processes_cannot_share_a_port():
    values = {"PORT": "9000", "STREAM_PORT": "9000"}
    line = refusal(lambda: read_ports(Environment(values)))
    assert line == "error: STREAM_PORT must be another port than PORT, which is 9000"


def test_keys_stand_in_a_list_with_the_one_in_use_first():
    one, two = "a" * 32, "b" * 40
    assert Environment({"KEY": f"{one}, {two}"}).secrets("KEY") == [one, two]
    assert Environment({"KEY": one}).secrets("KEY") == [one]
    assert Environment({}).secrets("KEY", default="short") == ["short"]


@pytest.mark.parametrize("text", ["hunter2", f"{'a' * 32},hunter2", ",", f"{'a' * 31} , "])
def test_a_short_key_in_a_list_is_refused_and_not_printed(text):
    assert refusal(lambda: Environment({"KEY": text}).secrets("KEY")) == (
        "error: KEY has a key that is shorter than 32 characters"
    )


def test_a_secret_is_never_printed():
    line = refusal(lambda: Environment({"KEY": "hunter2"}).secret("KEY"))
    assert line == "error: KEY is shorter than 32 characters"


def test_a_database_url_is_taken_apart():
    env = Environment({"D": "postgres://me:p%40ss@db.example:6432/offload?sslmode=require"})
    assert read_database(env, "D") == {
        "NAME": "offload",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_database_url_may_name_a_socket_directory():
    env = Environment({"D": "postgresql://me@/offload?host=/run/some%20where&port=5433"})
    assert read_database(env, "D") == {
        "NAME": "offload",
        "USER": "me",
        "PASSWORD": "",
        "HOST": "/run/some where",
        "PORT": "5433",
        "OPTIONS": {},
    }


@pytest.mark.parametrize(
    ("url", "line"),
    [
        (
            "mysql://h/d",
            "error: D must begin with one of postgres://, postgresql://",
        ),
        ("postgres", "error: D must begin with one of postgres://, postgresql://"),
        (
            "postgresql://me:secret@h",
            "error: D must name one database: postgresql://user@host:5432/name",
        ),
        (
            "postgresql://me:secret@h:port/d",
            "error: D is not a URL: Port could not be cast to integer value as 'port'",
        ),
    ],
)
def test_a_malformed_database_url_is_refused(url, line):
    assert refusal(lambda: read_database(Environment({"D": url}), "D")) == line


@pytest.mark.parametrize(
    ("url", "client", "broker"),
    [
        ("redis://h:6379/1", "redis://h:6379/1", "redis://h:6379/1"),
        ("rediss://:p@h", "rediss://:p@h", "rediss://:p@h"),
        (
            "unix:///run/v.sock",
            "unix:///run/v.sock?db=0",
            "redis+socket:///run/v.sock?virtual_host=0",
        ),
        (
            "unix:///run/v.sock?db=3",
            "unix:///run/v.sock?db=3",
            "redis+socket:///run/v.sock?virtual_host=3",
        ),
    ],
)
def test_a_redis_url_serves_client_and_broker(url, client, broker):
    assert read_redis(Environment({"R": url}), "R") == (client, broker)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("amqp://h", "error: R must begin with one of redis://, rediss://, unix://"),
        ("redis://", "error: R must name a host: redis://host:6379/0"),
        ("redis://h/x", "error: R must end in a database number: redis://host:6379/0"),
        ("unix://run/v.sock", "error: R must hold an absolute path: unix:///run/valkey.sock"),
        ("unix:///run/v.sock?db=x", "error: R has a db that is not a number: 'x'"),
    ],
)
def test_a_malformed_redis_url_is_refused(url, line):
    assert refusal(lambda: read_redis(Environment({"R": url}), "R")) == line


def test_mail_by_smtp():
    found = read_email(Environment({"E": "smtp://me:p@mx.example"}), "E", default="console://")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mx.example", 587)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (True, False)
    found = read_email(Environment({"E": "smtps://mx.example"}), "E", default="console://")
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (
        465,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://h", "error: E must begin with one of console://, file://, smtp://, smtps://"),
        ("smtp://", "error: E must name a host: smtp://user:password@host:587"),
        ("smtp://h?tls=yes", "error: E has a tls that is neither starttls nor none: 'yes'"),
    ],
)
def test_a_malformed_mail_url_is_refused(url, line):
    read = Environment({"E": url})
    assert refusal(lambda: read_email(read, "E", default="console://")) == line
