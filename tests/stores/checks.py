"""What a planned corpus in an object store must survive; the truth is one process on the disk."""

import itertools
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from stores import BUCKET, clean_environment

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "tests/fixtures/splade-tiny"
WORDS = ["river", "stone", "market", "winter", "garden", "engine", "silver", "letter"]
CHECKS = []
numbers = itertools.count()


def check(function):
    CHECKS.append(function)
    return function


def lines(first, n):
    def text(i):
        return " ".join(WORDS[(i * 31 + j * j) % len(WORDS)] for j in range(4 + i * 7 % 30))

    return "".join(json.dumps({"id": f"t{i}", "text": text(i)}) + "\n" for i in range(first, first + n)).encode()


class Case:
    """A corpus on the disk and in the store, what one process makes of it, and a folder for its parts."""

    def __init__(self, store, program, folder, n=20, rows=8, options=()):
        self.store, self.program, self.rows = store, program, rows
        self.key = f"case{next(numbers)}"
        self.folder = folder / f"{store.name}-{self.key}"
        self.options = list(options)
        for number, name in enumerate(["a.jsonl", "b/c.jsonl", "b.jsonl"]):
            content = lines(number * n, n)
            path = self.folder / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            store.put(f"{self.key}/in/{name}", content)
        # What consoles and engines leave beside files is no input.
        store.put(f"{self.key}/in/_SUCCESS", b"")
        store.proxy.clear()
        self.input, self.output = self.url("in"), self.url("out")
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()

    def url(self, name):
        return f"{self.store.root}/{self.key}/{name}"

    def start(self, *arguments, **environment):
        variables = clean_environment() | self.store.environment | {"TMPDIR": str(self.scratch)} | environment
        command = [str(self.program), *map(str, arguments)]
        return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments, code=0, **environment):
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=300)
        assert process.returncode == code, f"{arguments}: {process.returncode}\n{errors}"
        return output + errors

    def plan(self, *inputs, output=None, **options):
        inputs = inputs or [self.input]
        output = output or self.output
        return self.run("plan", *inputs, "-o", output, "--rows-per-part", self.rows, *self.options, **options)

    def worker(self, *units, output=None):
        model = ["-m", MODEL, "--threads", "1"]
        return ["encode-part", output or self.output, *units, *model]

    def encode(self, *units, output=None, **options):
        return self.run(*self.worker(*units, output=output), **options)

    def finish(self, *more, output=None, **options):
        return self.run("finish", output or self.output, *more, **options)

    def truth(self):
        folder = self.folder / "truth"
        if not folder.exists():
            arguments = ["-m", MODEL, "--threads", "1", "--rows-per-part", self.rows, *self.options]
            self.run("encode", "-i", self.folder / "in", "-o", f"{folder}/", *arguments)
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}

    def objects(self):
        prefix = f"{self.key}/out/"
        return {key.removeprefix(prefix): version for key, version in self.store.list(prefix).items()}

    def get(self, name):
        return self.store.get(f"{self.key}/out/{name}")

    def compare(self):
        """The parts and the manifest are those of one process, byte for byte, and nothing else is there."""
        truth, objects = self.truth(), self.objects()
        receipts = {f"{name.split('.')[0]}.receipt.json" for name in truth if name.startswith("part-")}
        assert set(objects) == set(truth) | receipts | {"plan.json", "units.jsonl"}, sorted(objects)
        for name, content in truth.items():
            assert self.get(name) == content, f"{name} differs"
        self.is_clean()

    def is_clean(self):
        left = list(self.scratch.iterdir())
        assert not left, f"left behind: {left}"


def wait(processes):
    for process in processes:
        errors = process.communicate(timeout=300)[1]
        assert process.returncode == 0, errors


@check
def parts_of_three_processes_are_those_of_one(make):
    for options in ([], ["--format", "parquet"], ["--compress", "zstd"]):
        case = make(options=options)
        case.plan()
        wait([case.start(*case.worker("--share", f"{share}/3")) for share in (1, 2, 3)])
        case.finish("--verify")
        case.compare()
        # Running everything again changes nothing, and puts nothing.
        before = case.objects()
        case.store.proxy.clear()
        case.plan()
        case.encode("--all")
        case.finish()
        assert case.objects() == before
        assert case.store.proxy.count("PUT", "part-") == 0


@check
def inputs_and_parts_may_be_in_different_places(make):
    case = make()
    case.plan(case.folder / "in")
    case.encode("--all")
    case.finish("--verify")
    case.compare()
    local = case.folder / "planned"
    case.plan(output=local)
    case.encode("--all", output=local)
    case.finish("--verify", output=local)
    for name, content in case.truth().items():
        assert (local / name).read_bytes() == content, name
    case.is_clean()


@check
def other_commands_read_texts_from_the_store(make):
    case = make()
    output = [case.folder / "vectors.jsonl", case.folder / "truth.jsonl"]
    for source, path in zip([case.input, case.folder / "in"], output):
        case.run("encode", "-i", source, "-o", path, "-m", MODEL, "--threads", "1", "--unique-ids")
    assert output[0].read_bytes() == output[1].read_bytes()
    case.store.put(f"{case.key}/in/z.jsonl", lines(0, 1))
    told = case.plan("--unique-ids", case.input, code=1)
    assert f"{case.input}/z.jsonl" in told and "`t0`" in told, told


@check
def a_worker_killed_before_its_part_or_its_receipt_leaves_nothing_wrong(make):
    case = make()
    case.plan()
    held = "part-00001"
    for ends_in, leaves in ((".jsonl", set()), (".receipt.json", {"part-00001.jsonl"})):
        hold = case.store.proxy.add("hold", "PUT", held, ends_in=ends_in)
        process = case.start(*case.worker("1"))
        assert hold.reached.wait(120), process.communicate()[1]
        process.kill()
        process.wait()
        assert set(case.objects()) - {"plan.json", "units.jsonl"} == leaves
        # The proxy forgets what a dead client asked for.
        hold.kind = "forgotten"
        hold.release.set()
    told = case.finish(code=1)
    assert "8 of 8 parts are missing" in told, told
    part = case.objects()["part-00001.jsonl"]
    # The next process removes the scratch folders of the dead ones, keeps the part, and adds its receipt.
    case.encode("1")
    assert case.objects()["part-00001.jsonl"] == part
    case.encode("--all")
    case.finish("--verify")
    case.compare()


@check
def one_unit_twice_at_once_makes_one_part(make):
    case = make()
    case.plan()
    # Both have made the part before either may put it.
    holds = [case.store.proxy.add("hold", "PUT", "part-00002.jsonl") for _ in range(2)]
    processes = [case.start(*case.worker("2")) for _ in range(2)]
    for hold in holds:
        assert hold.reached.wait(120)
    for hold in holds:
        hold.release.set()
    wait(processes)
    puts = [status for method, path, status in case.store.proxy.log if method == "PUT" and "part-00002.jsonl" in path]
    assert len(puts) == 2 and min(puts) < 300 and max(puts) in (409, 412), puts
    case.encode("--all")
    case.finish("--verify")
    case.compare()


@check
def unavailable_cut_and_lost_answers_are_survived(make):
    case = make()
    proxy = case.store.proxy
    faults = [
        proxy.add("unavailable", "PUT", "plan.json", 2),
        proxy.add("cut", "GET", "b/c.jsonl", 2),
    ]
    case.plan()
    faults += [
        proxy.add("unavailable", "GET", "a.jsonl", 3),
        proxy.add("cut", "GET", "b/c.jsonl", 2),
        proxy.add("unavailable", "PUT", "part-00000.jsonl", 3),
        proxy.add("lost", "PUT", "part-00001.jsonl"),
        proxy.add("lost", "PUT", "part-00001.receipt"),
        proxy.add("cut", "GET", "units.jsonl"),
    ]
    case.encode("--all")
    faults.append(proxy.add("unavailable", "HEAD", "part-00002", 2))
    case.encode("2")
    faults += [
        proxy.add("cut", "GET", "part-00003.receipt"),
        proxy.add("cut", "GET", "part-00003.jsonl"),
        proxy.add("lost", "PUT", "manifest.json"),
    ]
    case.finish("--verify")
    for fault in faults:
        met = f"{fault.kind} {fault.method} {fault.part}: met {fault.met} of {fault.times}"
        assert fault.met == fault.times, met
    case.compare()


@check
def a_changed_input_is_refused_by_name(make):
    case = make()
    case.plan()
    key = f"{case.key}/in/b/c.jsonl"
    content = case.store.get(key)
    case.store.put(key, content.replace(b"river", b"rover"))
    told = case.encode("--all", code=1)
    assert f"{case.input}/b/c.jsonl has changed" in told and "version" in told, told
    case.store.put(key, content + content[:100])
    told = case.encode("--all", code=1)
    assert "bytes, and had" in told, told
    case.store.delete(key)
    told = case.encode("--all", code=1)
    assert f"{case.input}/b/c.jsonl" in told and "no such object" in told, told
    case.is_clean()


@check
def a_foreign_part_is_refused_and_never_replaced(make):
    case = make()
    case.plan()
    case.store.put(f"{case.key}/out/part-00000.jsonl", b"something else\n")
    told = case.encode("0", code=1)
    assert f"{case.output}/part-00000.jsonl" in told and "other bytes" in told, told
    assert case.get("part-00000.jsonl") == b"something else\n"
    case.store.delete(f"{case.key}/out/part-00000.jsonl")
    case.encode("--all")
    # A part that was damaged with its size kept shows with --verify alone, and no manifest appears.
    part = case.get("part-00003.jsonl")
    case.store.put(f"{case.key}/out/part-00003.jsonl", part.replace(b"t2", b"x2"))
    told = case.finish("--verify", code=1)
    assert "part-00003.jsonl" in told and "manifest.json" not in case.objects(), told
    # Another plan for the folder is refused.
    told = case.run("plan", case.input, "-o", case.output, "--rows-per-part", "9", code=1)
    assert "has another plan" in told, told
    case.is_clean()


@check
def wrong_names_are_told(make):
    case = make()
    told = case.run("plan", f"{case.input}/none", "-o", case.output, code=1)
    assert f"{case.input}/none has no file to read" in told, told
    missing = case.output.replace(BUCKET, "no-such-bucket")
    told = case.plan(output=missing, code=1)
    assert "no such bucket" in told and missing in told, told
    told = case.run("finish", case.output, code=1)
    assert f"{case.output} has no plan.json" in told, told
    told = case.run("finish", f"{case.store.root}//x", code=1)
    assert "two slashes" in told, told
    case.store.put(f"{case.key}/in/notes.doc", b"?")
    told = case.plan(code=1)
    assert f"{case.input}/notes.doc" in told and "extension" in told, told
    if case.store.name == "az":
        told = case.plan(code=1, AZURE_STORAGE_ACCOUNT_KEY="AAAA")
        assert "credentials" in told, told
    case.is_clean()


@check
def a_slow_sink_fills_no_memory(make):
    """Each put of a part waits ten seconds: the process waits too, and encodes nothing ahead meanwhile."""
    peaks, size = [], 0
    for seconds in (0, 10):
        case = make(n=400, rows=400, options=["--decode"])
        case.plan()
        if seconds:
            case.store.proxy.add("slow", "PUT", "part-0000", 3, seconds=seconds, ends_in=".jsonl")
        process = case.start(*case.worker("--all"))
        errors = threading.Thread(target=process.stderr.read, daemon=True)
        errors.start()
        started = time.monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        assert time.monotonic() - started > 3 * seconds
        peaks.append(usage.ru_maxrss * 1024)
        case.finish("--verify")
        case.compare()
        size = max(len(content) for content in case.truth().values())
    extra = peaks[1] - peaks[0]
    print(f"       peak {peaks[0] >> 20} MiB, with a slow sink {peaks[1] >> 20} MiB; a part has {size >> 10} KiB")
    assert extra < size + (32 << 20), f"{extra} bytes more"


def run(store, program, folder, only):
    """Runs the checks with `only` in their name; returns how many, and those that failed."""
    import traceback

    def make(**options):
        return Case(store, program, folder, **options)

    chosen = [function for function in CHECKS if only in function.__name__]
    failed = []
    for function in chosen:
        started = time.monotonic()
        try:
            function(make)
        except Exception:
            traceback.print_exc()
            failed.append(f"{store.name}:{function.__name__}")
        finally:
            store.proxy.clear()
        outcome = "FAILED" if failed and failed[-1].endswith(function.__name__) else "ok"
        print(f"{outcome:6} {store.name} {function.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return len(chosen), failed
