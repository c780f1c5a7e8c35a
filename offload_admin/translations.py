"""Compiles a catalogue without gettext: `python -m offload_admin.translations X.po X.mo`.

Babel's own command line refuses plurals whose singular leaves a value out ("one session" for
"%(count)s sessions"), which Django and gettext allow; reading and writing is all we need of it.
"""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po


def compile_catalogue(source: Path, target: Path) -> None:
    """Write the catalogue `source` (.po) as `target` (.mo); untranslated entries are left out.

    Raises SystemExit with one line when the source is not well-formed.
    """
    try:
        with source.open("rb") as lines:
            catalogue = read_po(lines, locale=source.parent.parent.name, abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise SystemExit(f"error: {source}: {error}") from error
    fresh = target.with_suffix(".mo.new")
    with fresh.open("wb") as out:
        write_mo(out, catalogue)
    fresh.replace(target)


if __name__ == "__main__":
    compile_catalogue(Path(sys.argv[1]), Path(sys.argv[2]))
