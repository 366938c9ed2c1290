#!/usr/bin/env python3
"""Times the Python package: each form of `encode`, and sentence-transformers beside it.

    python benches/python.py MODEL [--texts 10000] [--threads N] [--precision f32] [--reference] [--rust WORKER]

Each measurement has a process of its own, which imports, loads, encodes 100 texts to warm up, and encodes all texts three
times; the median counts. CPU time is steadier than texts per second where other programs run. Peak memory is the process's, less what it had after imports. `--rust` is the worker of benches/measure.rs
(`cargo bench -p splade --bench measure --no-run` says where it is), so that the cost of Python can be seen.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = "the river weather engine of a sunny market paper and cold to train music in history mountain".split()
FORMS = ["splade", "scipy", "arrow", "torch"]


def texts(n_texts: int) -> list[str]:
    """Texts of 5 to 60 words, the same on each run."""
    state, made = 1, []
    for _ in range(n_texts):
        words = []
        state = (state * 1103515245 + 12345) % 2**31
        for _ in range(5 + state // 7 % 56):
            state = (state * 1103515245 + 12345) % 2**31
            words.append(WORDS[state // 65536 % len(WORDS)])
        made.append(" ".join(words))
    return made


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def worker(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    arguments: dict[str, object] = {}
    if options.worker == "reference":
        import torch
        from sentence_transformers import SparseEncoder

        torch.set_num_threads(options.threads)
        names = {"f32": torch.float32, "bf16": torch.bfloat16}
        model_arguments = {"device": "cpu", "model_kwargs": {"dtype": names[options.precision]}}
    else:
        if options.worker in ("scipy", "torch"):
            __import__({"scipy": "scipy.sparse"}.get(options.worker, options.worker))
        if options.worker == "arrow":
            __import__("pyarrow")
        from splade import SparseEncoder  # type: ignore[assignment]

        model_arguments = {"threads": options.threads, "precision": options.precision, "device": "cpu"}
        arguments["output"] = options.worker
    imported, before = time.perf_counter() - start, peak_mb()
    model = SparseEncoder(options.model, **model_arguments)
    corpus = texts(options.texts)
    model.encode(corpus[:100], **arguments)
    seconds, start_cpu = [], time.process_time()
    for _ in range(3):
        start = time.perf_counter()
        model.encode(corpus, **arguments)
        seconds.append(time.perf_counter() - start)
    row = {
        "import_s": imported,
        "texts_per_s": options.texts / statistics.median(seconds),
        "cpu_ms": (time.process_time() - start_cpu) / 3 / options.texts * 1000,
        "peak_mb": peak_mb() - before,
    }
    print(json.dumps(row))


def rounds(options: argparse.Namespace, n_rounds: int) -> list[dict[str, float]]:
    """What the worker of benches/measure.rs says."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "texts.jsonl"
        corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts(options.texts)))
        command = [options.rust, "--model", options.model, "--texts", str(corpus)]
        command += ["--threads", str(options.threads), "--precision", options.precision]
        commands = "round\n" * n_rounds + "quit\n"
        done = subprocess.run(command, input=commands, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def cpu(options: argparse.Namespace, n_rounds: int) -> float:
    """The CPU seconds of the worker."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    rounds(options, n_rounds)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rust(options: argparse.Namespace) -> dict[str, float]:
    """The library without Python: the worker of benches/measure.rs."""
    events = rounds(options, 3)
    seconds = [event["seconds"] for event in events if event["event"] == "round"]
    return {
        "texts_per_s": options.texts / statistics.median(seconds),
        "cpu_ms": (cpu(options, 5) - cpu(options, 1)) / 4 / options.texts * 1000,
        "peak_mb": events[-1]["peak_mb"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--rust", help="the worker of benches/measure.rs")
    parser.add_argument("--forms", nargs="+", default=FORMS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options)
    rows = options.forms + (["reference"] if options.reference else [])
    print("| Form | Texts/s | CPU, ms per text | Peak memory, MiB | Import, s |\n|---|---|---|---|---|")
    if options.rust:
        found = rust(options)
        print(f"| Rust | {found['texts_per_s']:.0f} | {found['cpu_ms']:.3f} | {found['peak_mb']:.0f} | |", flush=True)
    for row in rows:
        command = [sys.executable, __file__, options.model, "--worker", row, "--texts", str(options.texts)]
        command += ["--threads", str(options.threads), "--precision", options.precision]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"| {row} | failed: {done.stderr.strip().splitlines()[-1]} | | |", flush=True)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        cells = f"{found['texts_per_s']:.0f} | {found['cpu_ms']:.3f} | {found['peak_mb']:.0f}"
        print(f"| {row} | {cells} | {found['import_s']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
