"""schemathesis: requests made up from /openapi.json, right ones and wrong ones, and what they are answered."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import check

HERE = Path(__file__).resolve().parent
SECONDS = 75


@check
def schemathesis_finds_nothing(url):
    with tempfile.TemporaryDirectory() as folder:
        # The program may not be on the path; its hooks are a module of this folder.
        command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
        command += ["--config-file", str(HERE / "schemathesis.toml")]
        command += ["run", f"{url}/openapi.json", "--no-color", "--max-time", str(SECONDS)]
        finished = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    print(finished.stdout[-20_000:] if finished.returncode else summary(finished.stdout))
    assert finished.returncode == 0, "schemathesis found faults, see above"


def summary(output):
    """The last part of what it prints."""
    lines = output.splitlines()
    starts = [index for index, line in enumerate(lines) if "SUMMARY" in line]
    return "\n".join(lines[starts[-1] :] if starts else lines[-20:])
