"""The whole table, against a real gateway: `python -m tests.clients --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.clients.asking import Language
from tests.clients.rows import ROWS
from tests.clients.run import run
from tests.clients.table import deviations, markdown, notes, plain


def main() -> int:
    """Run, print the table, and say what is not as expected; 1 where anything is not."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="only clients whose names contain this")
    parser.add_argument("--language", type=Language, choices=list(Language), help="only clients in this language")
    parser.add_argument("--markdown", action="store_true", help="run nothing: print what is expected, as Markdown")
    given = parser.parse_args()
    rows = {
        library: cells
        for library, cells in ROWS.items()
        if given.language in {None, library.language}
        and (not given.only or any(word in library.package for word in given.only))
    }
    if given.markdown:
        print(markdown(rows), end="")
        return 0
    with TemporaryDirectory(prefix="tidegate-clients-") as directory:
        lines = asyncio.run(run(rows, Path(directory)))
    print(plain(rows, lines), *notes(rows), sep="\n")
    faults = deviations(rows, lines)
    print("\n".join(faults) if faults else f"All of {len(lines)} clients did as expected.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
