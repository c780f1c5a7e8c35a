""".env.example lists every variable that the code reads, and nothing else."""

import re

from tests.contracts.tree import PROJECT, product_files

FUTURE = {"FIELD_ENCRYPTION_KEY", "SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"}
ONLY_FOR_TESTS = {"OFFLOAD_TRACE_DIR"}
READ = re.compile(
    r'(?:env|Environment\(\w*\))\.(?:text|flag|integer|choice|words|secrets?|address|find)\(\s*"([A-Z_]+)"'
    r'|read_(?:database|redis|email)\(\s*env, "([A-Z_]+)"'
    r'|OPTIONS_VARIABLE = "([A-Z_]+)"'
)


def test_the_example_lists_what_is_read():
    listed = set(re.findall(r"(?m)^([A-Z_]+)=", (PROJECT / ".env.example").read_text("utf-8")))
    read = {
        name
        for path in product_files()
        for found in READ.findall(path.read_text(encoding="utf-8"))
        for name in found
        if name
    }
    assert read - listed == set()
    assert listed - read == FUTURE | ONLY_FOR_TESTS


def test_the_product_reads_the_environment_in_one_way():
    """Only the readers know os.environ; the local runs pass it on to their children."""
    allowed = ("offload_admin/env.py", "offload_admin/local/", "manage.py")
    found = [
        str(path.relative_to(PROJECT))
        for path in product_files()
        if re.search(r"os\.(environ(?!\.setdefault\(\"DJANGO)|getenv)", path.read_text("utf-8"))
    ]
    assert [name for name in found if not name.startswith(allowed)] == []
