"""A corpus on a Ray cluster of real processes, some of which are killed: the bytes of one machine."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY

from splade import parts

ray = pytest.importorskip("ray")

ROWS_PER_PART = 100
N_UNITS = 12
PLAN = {"rows_per_part": ROWS_PER_PART, "task": "document"}
# Unit 3 takes long enough to be killed within it.
LONG_UNIT = 3
# How many workers are killed at random moments; a long run by hand has more.
N_KILLS = int(os.environ.get("SPLADE_TEST_KILLS", "4"))
SEED = int(os.environ.get("SPLADE_TEST_SEED", "20"))
# A unit for a disk that stands still. 64 texts of 64 KiB fill a window (4 MiB), so it has 50; a
# worker has at most five that are encoded or being encoded, and the texts of three more.
SLOW_ROWS = 3_200
SLOW_TEXT_BYTES = 1 << 16
SLOW_SECONDS = 10
# How many bytes of the corpus it may have read meanwhile: ten windows.
MAX_READ = 40 << 20
# By how many bytes it may grow meanwhile. Its allocator may have had memory to spare.
MAX_GROWTH = 64 << 20
PAGE = os.sysconf("SC_PAGESIZE")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    with open(path, "w") as file:
        for row in range(ROWS_PER_PART * N_UNITS):
            n_times = 60 if row // ROWS_PER_PART == LONG_UNIT else 1
            text = f"The river {row % 7} runs through town {row}. " * n_times
            file.write(json.dumps({"id": f"d{row}", "text": text}) + "\n")
    return path


@pytest.fixture(scope="module")
def truth(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of one process."""
    folder = tmp_path_factory.mktemp("truth") / "out"
    units = parts.plan(corpus, folder, **PLAN)
    assert len(units) == N_UNITS
    tasks = parts.PartTasks(folder, TINY, threads=1)
    for unit in units:
        tasks.encode_part(unit)
    return parts.finish(folder, verify=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes, each with processes of its own and one core."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def encode(corpus: Path, folder: Path, **arguments: Any) -> dict[str, Any]:
    from splade.ray import encode_corpus

    options: dict[str, Any] = {"concurrency": 3, "verify": True, **arguments}
    return encode_corpus(str(TINY), [corpus], folder, **options, **PLAN)


def check(manifest: dict[str, Any], truth: dict[str, Any], folder: Path) -> None:
    """Every row once, every part with the bytes of one process, the same manifest."""
    assert manifest == truth | {key: manifest[key] for key in manifest if key not in truth}
    assert manifest["parts"] == truth["parts"]
    names = {path.name for path in folder.iterdir()}
    assert {part["file"] for part in truth["parts"]} <= names
    assert not [name for name in names if name.startswith(".")]


def actors() -> list[int]:
    """The processes of the actors that encode."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray::" in (process / "cmdline").read_bytes()[:5]:
                if b"PartActor" in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
        except OSError:
            continue
    return found


def receipts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.receipt.json"))]


class Watcher(threading.Thread):
    """Waits for something to happen, and then kills actors; as often as told."""

    def __init__(self, has_happened: Callable[[], bool], n_times: int, how_many: int) -> None:
        super().__init__(daemon=True)
        self.has_happened, self.n_times, self.how_many = has_happened, n_times, how_many
        self.killed: list[int] = []
        self.start()

    def run(self) -> None:
        while len(self.killed) < self.n_times:
            if self.has_happened():
                for process in actors()[: self.how_many]:
                    os.kill(process, signal.SIGKILL)
                    self.killed.append(process)
            time.sleep(0.02)


def test_three_workers_make_the_parts_of_one(
    cluster: Any, corpus: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    check(encode(corpus, tmp_path / "out"), truth, tmp_path / "out")


def test_a_worker_is_killed_in_the_middle_of_a_unit(
    cluster: Any, corpus: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    begun = folder / ".attempts" / str(LONG_UNIT)
    watcher = Watcher(begun.exists, n_times=1, how_many=3)
    check(encode(corpus, folder), truth, folder)
    assert watcher.killed
    assert {receipt["attempt"]["number"] for receipt in receipts(folder)} >= {1, 2}


def test_workers_are_killed_at_random_moments(
    cluster: Any, corpus: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    killed: list[int] = []
    is_over = threading.Event()

    def kill() -> None:
        # A new actor takes some three seconds to start, import and load.
        while not is_over.wait(chance.uniform(0.05, 5.0)) and len(killed) < N_KILLS:
            alive = sorted(actors())
            if alive:
                killed.append(chance.choice(alive))
                os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    n_runs = 0
    while not n_runs or len(killed) < N_KILLS:
        folder = tmp_path / f"out{n_runs}"
        check(encode(corpus, folder, max_attempts=1000), truth, folder)
        n_runs += 1
    is_over.set()
    killer.join()
    print(f"seed {SEED}: {len(killed)} workers killed in {n_runs} runs")


def test_a_unit_that_kills_every_worker_ends_the_job_by_name_and_the_rest_is_kept(
    cluster: Any, corpus: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    begun = folder / ".attempts" / str(LONG_UNIT)
    size = [0]

    def is_begun_again() -> bool:
        # The workers of other units would be killed too: these count their attempts as well.
        if not begun.exists() or os.listdir(begun.parent) != [begun.name]:
            return False
        now = begun.stat().st_size
        is_new = now > size[0]
        size[0] = now
        return is_new

    watcher = Watcher(is_begun_again, n_times=1000, how_many=3)
    with pytest.raises(Exception, match=f"unit {LONG_UNIT} was begun 2 times and never finished"):
        encode(corpus, folder, max_attempts=2)
    watcher.n_times = 0
    watcher.join()
    assert not (folder / "manifest.json").exists()
    # Once nothing kills them any more, running it again makes what is missing.
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*.jsonl")}
    check(encode(corpus, folder), truth, folder)
    kept = {receipt["unit"]["part"] for receipt in receipts(folder)} & set(before)
    assert all((folder / name).stat().st_mtime_ns == before[name] for name in kept)


def test_a_part_whose_receipt_never_came_is_made_again_with_the_same_bytes(
    cluster: Any, corpus: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    encode(corpus, folder)
    (folder / "manifest.json").unlink()
    lost = sorted(folder.glob("*.receipt.json"))[4]
    lost.unlink()
    check(encode(corpus, folder), truth, folder)
    assert lost.exists()


def test_the_driver_is_killed_and_started_again(
    cluster: Any, corpus: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    program = (
        "import ray, sys; from splade.ray import encode_corpus; ray.init(address=sys.argv[1]);"
        "encode_corpus(sys.argv[2], [sys.argv[3]], sys.argv[4], concurrency=3,"
        f" rows_per_part={ROWS_PER_PART}, task='document')"
    )
    arguments = [cluster.address, str(TINY), str(corpus), str(folder)]
    driver = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(list(folder.glob("*.receipt.json"))) < 3:
        assert driver.poll() is None, "the driver ended early"
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    check(encode(corpus, folder), truth, folder)


def test_the_same_unit_twice_at_once_is_one_part(
    cluster: Any, corpus: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    units = parts.plan(corpus, folder, **PLAN)

    @ray.remote(num_cpus=1)
    def encode_all(units: list[dict[str, Any]]) -> int:
        tasks = parts.PartTasks(folder, TINY, threads=1)
        return len([tasks.encode_part(unit) for unit in units])

    assert ray.get([encode_all.remote(units), encode_all.remote(units)]) == [N_UNITS, N_UNITS]
    check(parts.finish(folder, verify=True), truth, folder)


def test_other_options_for_a_folder_that_is_planned_are_refused(
    cluster: Any, corpus: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    parts.plan(corpus, folder, rows_per_part=ROWS_PER_PART)
    with pytest.raises(Exception, match="plan|task"):
        encode(corpus, folder)
    shutil.rmtree(folder)


def make_wide(model: Path) -> None:
    """A copy of the model that gives each vector thousands of weights: its bias is raised."""
    shutil.copytree(TINY, model)
    weights = model / "model.safetensors"
    content = bytearray(weights.read_bytes())
    (n_header,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + n_header])
    begin, end = header["cls.predictions.bias"]["data_offsets"]
    bias = np.frombuffer(content, "<f4", (end - begin) // 4, 8 + n_header + begin)
    bias += np.float32(5)
    weights.write_bytes(content)


def resident(process: int) -> int:
    """The bytes that a process has in memory; 0 if it has ended."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
        return int(pages) * PAGE
    except (OSError, IndexError):
        return 0


def bytes_read(process: int, path: Path) -> int:
    """How far a process has read a file; all of it, if it has closed the file."""
    for file in Path(f"/proc/{process}/fd").iterdir():
        try:
            if os.readlink(file) == str(path):
                fields = Path(f"/proc/{process}/fdinfo/{file.name}").read_text().split()
                return int(fields[fields.index("pos:") + 1])
        except OSError:
            continue
    return path.stat().st_size


def test_a_disk_that_stands_still_does_not_fill_the_memory_of_a_worker(
    cluster: Any, tmp_path: Path
) -> None:
    from splade.ray import encode_corpus

    model, corpus, folder = tmp_path / "wide", tmp_path / "corpus.jsonl", tmp_path / "out"
    make_wide(model)
    with open(corpus, "w") as file:
        for row in range(SLOW_ROWS):
            text = f"The river {row % 7} runs through town {row}. "
            # A control character, which the tokenizer drops: it is held, and costs little.
            text += "\x7f" * (SLOW_TEXT_BYTES - len(text))
            # As it is: escaped, it would be six bytes.
            line = json.dumps({"id": f"d{row}", "text": text}, ensure_ascii=False)
            file.write(line + "\n")
    plan: dict[str, Any] = {"rows_per_part": SLOW_ROWS, "task": "document"}
    (unit,) = parts.plan(corpus, tmp_path / "truth", **plan)
    parts.PartTasks(tmp_path / "truth", model, threads=1).encode_part(unit)
    truth = parts.finish(tmp_path / "truth", verify=True)
    assert corpus.stat().st_size > 4 * MAX_READ
    # What a worker would hold of the unit: texts, and eight bytes a weight.
    n_unit = SLOW_ROWS * SLOW_TEXT_BYTES + 8 * truth["totals"]["weights"]
    assert n_unit > 4 * MAX_GROWTH

    library, report = tmp_path / "slow_writes.so", tmp_path / "slow_writes.txt"
    source = Path(__file__).parents[2] / "tests" / "slow_writes.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    environment = {
        "LD_PRELOAD": str(library),
        "SLOW_WRITES_FOLDER": str(folder),
        "SLOW_WRITES_SECONDS": str(SLOW_SECONDS),
        "SLOW_WRITES_REPORT": str(report),
    }
    samples: list[tuple[bool, int]] = []
    reads: list[int] = []
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(0.05):
            lines = report.read_text().splitlines() if report.exists() else []
            if lines:
                process = int(lines[0].split()[0])
                samples.append((len(lines) < 2, resident(process)))
            if len(lines) == 1:
                reads.append(bytes_read(process, corpus))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        manifest = encode_corpus(
            str(model),
            [corpus],
            folder,
            verify=True,
            ray_arguments={"runtime_env": {"env_vars": environment}},
            **plan,
        )
    finally:
        is_over.set()
        sampler.join()

    check(manifest, truth, folder)
    assert truth["rows"] == SLOW_ROWS
    # One process stood still, once, and was looked at all the while.
    lines = report.read_text().splitlines()
    begun, ended = [[int(number) for number in line.split()] for line in lines]
    assert begun[0] == ended[0] and ended[1] - begun[1] >= 1000 * SLOW_SECONDS
    still = [size for is_still, size in samples if is_still]
    assert len(still) > 20 and all(still)
    before, at_end = [line[3] * PAGE for line in (begun, ended)]
    growth = {
        "while it stands still": max(still) - before,
        "at its end": at_end - before,
        "later": max(size for _, size in samples) - before,
    }
    print(f"{before >> 20} MiB before; {growth}; {max(reads) >> 20} MiB read")
    assert max(reads) <= MAX_READ, reads
    assert max(growth.values()) < MAX_GROWTH, growth
