"""`make run`: the whole product on this machine under one supervisor."""

import argparse

from offload_admin.local.supervisor import supervise


def main() -> None:
    """Read the arguments and run until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m offload_admin.local", description=__doc__)
    parser.add_argument(
        "--end-with-parent",
        action="store_true",
        help="also stop when the process that started this one is killed (Linux)",
    )
    arguments = parser.parse_args()
    raise SystemExit(supervise(should_end_with_parent=arguments.end_with_parent))


if __name__ == "__main__":
    main()
