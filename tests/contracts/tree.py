"""The files of the project, for the tests that read them."""

import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
FOREIGN = {".venv", "node_modules", "var", "staticfiles", ".git", "__pycache__"}
CACHES = {".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"}


def project_files(*endings: str) -> list[Path]:
    """Every file of the project that is or could be committed, by its ending (all without)."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(git, cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        paths = [PROJECT / name for name in listed.stdout.split("\0") if name]
    else:  # an unpacked archive
        paths = [
            path
            for path in PROJECT.rglob("*")
            if not (FOREIGN | CACHES) & set(path.relative_to(PROJECT).parts)
        ]
    return sorted(p for p in paths if p.is_file() and (not endings or p.suffix in endings))


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def product_files() -> list[Path]:
    """The Python files of the product itself."""
    rooms = ("offload_admin/", "orgs/", "billing/")
    return [path for path in project_files(".py") if name_of(path).startswith(rooms)]
