#!/usr/bin/env python3
"""Runs sentence-transformers' tests of SparseEncoder, from a checkout, on splade or on itself."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ["sparse_encoder/test_model.py", "sparse_encoder/test_multi_process.py"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of sentence-transformers")
    parser.add_argument("--on", choices=["splade", "reference"], default="splade")
    parser.add_argument("--models", type=Path, help="where local models are, or are made")
    parser.add_argument("--files", nargs="+", default=FILES, help="files below the checkout's tests")
    # Other arguments are pytest's.
    options, arguments = parser.parse_known_args()
    checkout = options.checkout.resolve()
    tests = checkout / "tests"
    if not (tests / "sparse_encoder").is_dir():
        print(f"error: {checkout} is no checkout of sentence-transformers", file=sys.stderr)
        return 2
    commit = ["git", "-C", str(checkout), "log", "-1", "--format=%H %ad"]
    print("checkout:", subprocess.run(commit, capture_output=True, text=True).stdout.strip(), flush=True)
    models = options.models or Path(tempfile.gettempdir()) / "splade-conformance-models"
    here = str(Path(__file__).resolve().parent)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
        "SPLADE_CONFORMANCE_CHECKOUT": str(checkout),
        "SPLADE_CONFORMANCE_MODELS": str(models.resolve()),
        "SPLADE_CONFORMANCE_ON": options.on,
        "TOKENIZERS_PARALLELISM": "false",
    }
    command = [sys.executable, "-m", "pytest", "-p", "plugin", "-o", "addopts="]
    command += [*(str(tests / file) for file in options.files), "-rfExXs", *arguments]
    # Not in the checkout, whose own package would be imported.
    models.mkdir(parents=True, exist_ok=True)
    command += ["--rootdir", str(checkout), "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=models, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
