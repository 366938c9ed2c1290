"""What a process does with models: imports, signals, threads, copies, pickles, forks."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import TEXTS, TINY

from splade import EncoderPool, SparseEncoder

LONG = ["a text of some length, so that it takes its time to be computed " * 8] * 20_000


def run(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_an_import_loads_nothing_but_numpy() -> None:
    done = run(
        """
        import sys, numpy
        before = set(sys.modules)
        import splade
        heavy = ("torch", "scipy", "pyarrow", "huggingface_hub", "tqdm", "transformers", "datasets")
        print([name for name in sys.modules if name.split(".")[0] in heavy])
        print(sorted({n.split(".")[0] for n in set(sys.modules) - before}
                     - set(sys.stdlib_module_names) - {"splade"}))
        """
    )
    assert done.stdout == "[]\n[]\n", done.stdout + done.stderr


def test_without_a_package_an_error_says_how_to_get_it() -> None:
    done = run(
        f"""
        import sys
        for name in ("torch", "scipy", "pyarrow", "tqdm", "huggingface_hub"):
            sys.modules[name] = None
        from splade import SparseEncoder
        model = SparseEncoder({str(TINY)!r})
        def said(call):
            try:
                call()
            except ImportError as error:
                print(error)
            else:
                print("no error")
        said(lambda: model.encode(["a"]))
        said(lambda: model.encode(["a"], output="scipy"))
        said(lambda: model.encode(["a"], output="arrow"))
        said(lambda: model.encode(["a"], output="splade", show_progress_bar=True))
        said(lambda: SparseEncoder("naver/splade-v3"))
        said(lambda: model.device)
        print(model.encode(["a"], output="splade").shape, model.device_name)
        """
    )
    lines = done.stdout.splitlines()
    assert "output='torch', the default, needs torch" in lines[0], done.stderr
    assert 'output="scipy"' in lines[0]
    packages = ("torch", "scipy", "pyarrow", "tqdm", "huggingface_hub", "torch")
    for line, package in zip(lines, packages):
        assert f"needs {package}: pip install {package}" in line
    assert lines[6] == "(1, 30522) cpu"


def test_ctrl_c_stops_a_call_within_a_second(model: SparseEncoder) -> None:
    pressed: list[float] = []
    # Shells start what runs in the background without a handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press() -> None:
        time.sleep(0.5)
        pressed.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.encode(LONG, output="splade")
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - pressed[0] < 1
    # The encoder is as good as before.
    assert model.encode(TEXTS, output="splade").shape[0] == len(TEXTS)


def test_other_threads_run_while_one_encodes(model: SparseEncoder) -> None:
    ticks, done = 0, threading.Event()

    def encode() -> None:
        model.encode(LONG[:2000], output="splade")
        done.set()

    thread = threading.Thread(target=encode)
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    thread.join()
    assert ticks > 10


def test_eight_threads_share_a_model(model: SparseEncoder) -> None:
    expected = model.encode(TEXTS, output="splade").to_dense()
    found: list[np.ndarray] = []

    def encode() -> None:
        found.extend(model.encode(TEXTS, output="splade").to_dense() for _ in range(5))

    threads = [threading.Thread(target=encode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    for dense in found:
        np.testing.assert_allclose(dense, expected, rtol=1e-5, atol=1e-5)


def test_copies_share_weights_and_have_their_own_state(model: SparseEncoder) -> None:
    for duplicate in (copy.copy, copy.deepcopy):
        other = duplicate(model)
        assert other._native is model._native
        other.max_seq_length = 7
        other.max_active_dims = 3
        assert other[0].max_seq_length == 7
        assert (model.max_seq_length, model.max_active_dims) == (512, None)
        other.prompts["query"] = "q: "
        assert model.prompts["query"] == ""
        other.splade_pooling_chunk_size = 13
        assert model.splade_pooling_chunk_size is None


def test_a_model_that_refers_to_itself_is_copied(model: SparseEncoder) -> None:
    model.spy = model.encode
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.spy.__self__ is other


def test_a_pickle_loads_the_model_again(model: SparseEncoder) -> None:
    model.prompts["query"] = "q: "
    model.max_seq_length = 16
    data = pickle.dumps(model)
    assert len(data) < 5000
    other = pickle.loads(data)
    assert other.prompts == model.prompts and other.max_seq_length == 16
    expected = model.encode(TEXTS, output="scipy")
    assert (other.encode(TEXTS, output="scipy") != expected).nnz == 0
    matrix = model.encode(TEXTS, output="splade")
    again = pickle.loads(pickle.dumps(matrix))
    np.testing.assert_array_equal(again.to_dense(), matrix.to_dense())


def _encode(model: SparseEncoder) -> np.ndarray:
    return model.encode(TEXTS, output="splade").to_dense()


def test_a_relative_path_survives_a_change_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TINY, tmp_path / "naver" / "splade-v3")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    model = SparseEncoder("naver/splade-v3", device="cpu")
    expected = model.encode(TEXTS, output="scipy")
    monkeypatch.chdir("elsewhere")
    other = pickle.loads(pickle.dumps(model))
    assert (other.encode(TEXTS, output="scipy") != expected).nnz == 0
    assert [type(module).__name__ for module in model] == ["Transformer", "SpladePooling"]
    assert model._file("config.json")["type_vocab_size"] == 2
    assert model.to(dtype="bfloat16").precision == "bf16"


def test_the_hub_is_not_asked_for_a_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TINY, tmp_path / "naver" / "splade-v3")
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(SparseEncoder("naver/splade-v3", device="cpu"))
    shutil.rmtree(tmp_path / "naver")
    with pytest.raises(FileNotFoundError, match="naver/splade-v3: the pickled model was loaded"):
        pickle.loads(data)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Forking with threads: that is the point.
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_encode_what_the_parent_does(model: SparseEncoder, method: str) -> None:
    expected = _encode(model)  # The parent's threads have worked, and do not exist in a fork.
    with multiprocessing.get_context(method).Pool(1) as workers:
        found = workers.apply_async(_encode, (model,)).get(timeout=60)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_forked_child_uses_and_loads_models() -> None:
    done = run(
        f"""
        import os
        from splade import SparseEncoder
        model = SparseEncoder({str(TINY)!r})
        first = model.encode(["a"], output="splade")
        first.similarity(first, "dot")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                again = model.encode(["a"], output="splade")
                new = SparseEncoder({str(TINY)!r}).encode(["a"], output="splade")
                same = first.similarity(again, "dot") == again.similarity(new, "dot")
                code = 0 if same.all() else 2
            finally:
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert done.stdout == "0\n", done.stdout + done.stderr


def test_auto_is_the_device_that_it_chose() -> None:
    model, chosen = (SparseEncoder(TINY, device=device) for device in ("auto", None))
    assert model.device_name == chosen.device_name != "auto"
    assert model.to("auto")._native.device == chosen.device_name


def test_a_fork_during_a_call_is_told() -> None:
    done = run(
        f"""
        import os, threading, time
        from splade import SparseEncoder
        model = SparseEncoder({str(TINY)!r})
        texts = ["a text of some length " * 20] * 5000
        thread = threading.Thread(target=lambda: model.encode(texts, output="splade"))
        thread.start()
        time.sleep(0.2)
        child = os.fork()
        if child == 0:
            try:
                model.encode(["a"], output="splade")
                os._exit(1)
            except RuntimeError as error:
                os._exit(0 if "spawn" in str(error) else 2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        thread.join()
        """
    )
    assert done.stdout == "0\n", done.stdout + done.stderr


def test_a_pool_gives_the_model_s_rows(model: SparseEncoder) -> None:
    texts = TEXTS * 5
    expected = model.encode(texts, output="splade").to_dense()
    pool = model.start_multi_process_pool(["cpu"] * 3)
    assert isinstance(pool, EncoderPool) and len(pool.devices) == 3
    for options in ({"pool": pool}, {"pool": pool, "chunk_size": 2}, {"device": ["cpu", "cpu"]}):
        found = model.encode(texts, output="splade", **options).to_dense()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    pairs = [("a", "b")] * 5
    both = model.encode(pairs, output="splade"), model.encode(pairs, pool=pool, output="splade")
    np.testing.assert_allclose(both[0].to_dense(), both[1].to_dense(), rtol=1e-5, atol=1e-5)
    model.stop_multi_process_pool(pool)
    for stopped in (texts, []):
        with pytest.raises(ValueError, match="the pool was stopped"):
            model.encode(stopped, pool=pool, output="splade")
    with pytest.raises(TypeError, match="belongs to its process"):
        pickle.dumps(pool)


def test_a_pool_of_another_model_is_refused(model: SparseEncoder) -> None:
    other = SparseEncoder(TINY.parent / "layouts" / "prompts", device="cpu")
    with model.start_multi_process_pool(["cpu"]) as pool:
        with pytest.raises(ValueError, match="splade-tiny, not of .*prompts"):
            other.encode(["a"], pool=pool, output="splade")
        same = SparseEncoder(TINY, device="cpu").encode(["a"], pool=pool, output="splade")
        assert same.nnz > 0
    with pytest.raises(TypeError, match="pool is a NoneType, not what start_multi_process_pool"):
        model.stop_multi_process_pool(None)


def test_a_bar_is_moved_to_its_end(model: SparseEncoder, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    model.encode(TEXTS, output="splade", show_progress_bar=True)
    said = capsys.readouterr().err
    assert "Batches" in said and f"{len(TEXTS)}/{len(TEXTS)}" in said
    model.encode(TEXTS, output="splade")
    assert capsys.readouterr().err == ""
