"""Planned corpora in object stores on loopback: `cargo xtask stores` runs this.

    python run.py target/debug/splade [--azurite MAIN_JS] [--only PART]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from checks import run
from stores import S3, Azure

parser = argparse.ArgumentParser()
parser.add_argument("program", help="the program `splade`, with the feature object-store")
parser.add_argument("--azurite", help="azurite's blob server, a script for node; without it only S3 is checked")
parser.add_argument("--only", default="", help="run the checks with this in their name")
arguments = parser.parse_args()

n_checks, failed = 0, []
with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    stores = [S3(folder)]
    if arguments.azurite:
        stores.append(Azure(folder, arguments.azurite))
    for store in stores:
        n, names = run(store, Path(arguments.program).resolve(), folder / store.name, arguments.only)
        n_checks += n
        failed += names
if not n_checks:
    sys.exit(f"no check has {arguments.only!r} in its name")
if failed:
    sys.exit(f"{len(failed)} of {n_checks} checks failed: {', '.join(failed)}")
print(f"all {n_checks} checks passed")
