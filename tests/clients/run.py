"""Clients that others wrote, against `splade serve` with the tiny model: `cargo xtask clients` runs this.

    python run.py target/debug/splade --generated-python PYTHON [--only PART]

Each check compares what the client returns with the golden values of tests/reference.
"""

import argparse
import inspect
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from checks import CHECKS, KEY, check
from server import Server, make_index

parser = argparse.ArgumentParser()
parser.add_argument("program", help="the program `splade`")
parser.add_argument("--generated-python", required=True, help="Python with requirements-generated.txt")
parser.add_argument("--only", default="", help="run the checks with this in their name")
arguments = parser.parse_args()

import check_haystack  # noqa: E402, F401
import check_chroma  # noqa: E402, F401
import check_tei_client  # noqa: E402, F401
import check_hub  # noqa: E402, F401
import check_openai  # noqa: E402, F401
import check_llama_index  # noqa: E402, F401
import check_prometheus  # noqa: E402, F401


@check
def generated_client(url):
    script = Path(__file__).resolve().parent / "generated.py"
    subprocess.run([arguments.generated_python, script, url], check=True)


import check_schemathesis  # noqa: E402, F401

chosen = [function for function in CHECKS if arguments.only in function.__name__]
if not chosen:
    sys.exit(f"no check has {arguments.only!r} in its name")
with tempfile.TemporaryDirectory() as folder:
    index = make_index(arguments.program, Path(folder))
    servers = {
        "url": Server(arguments.program, "--index", index),
        "keyed_url": Server(arguments.program, key=KEY),
    }
failed = []
for function in chosen:
    started = time.monotonic()
    try:
        function(**{name: servers[name].url for name in inspect.signature(function).parameters})
    except Exception:
        traceback.print_exc()
        failed.append(function.__name__)
    outcome = "FAILED" if function.__name__ in failed else "ok"
    print(f"{outcome:6} {function.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
for server in servers.values():
    server.stop()
if failed:
    sys.exit(f"{len(failed)} of {len(chosen)} checks failed: {', '.join(failed)}")
print(f"all {len(chosen)} checks passed")
