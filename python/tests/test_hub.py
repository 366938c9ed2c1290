"""Models by id: which id is asked for, and models that are in huggingface_hub's cache."""

from __future__ import annotations

import pickle
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import TEXTS, TINY

from splade import SparseEncoder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The downloads that a hub without a network was asked for; it has every model."""
    calls: list[dict[str, Any]] = []
    hub = ModuleType("huggingface_hub")

    class HfApi:
        def __init__(self, token: Any) -> None:
            pass

        def list_repo_files(self, name: str, revision: str | None) -> list[str]:
            return [
                *("model.safetensors", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin"),
                *("adapter_model.bin", "2_SparseAutoEncoder/pytorch_model.bin"),
                *("3_Dense/model.safetensors", "3_Dense/pytorch_model.bin", "training_args.bin"),
            ]

    def snapshot_download(name: str, **options: Any) -> str:
        calls.append({"name": name, **options})
        return str(TINY)

    hub.HfApi, hub.snapshot_download = HfApi, snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    return calls


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("naver/splade-v3", "naver/splade-v3"),
        ("splade-robbert", "sparse-encoder/splade-robbert"),
        ("bert-base-uncased", "bert-base-uncased"),
        ("distilbert-base-uncased", "distilbert-base-uncased"),
    ],
)
def test_a_bare_name_belongs_to_an_organisation(
    asked: list[dict[str, Any]], name: str, expected: str
) -> None:
    SparseEncoder(name)
    assert [call["name"] for call in asked] == [expected]


def test_the_hub_gets_what_the_constructor_got(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", "of-the-environment")
    SparseEncoder("a/b", revision="r", token="secret", cache_folder="c")
    SparseEncoder("a/b", local_files_only=True)
    first, second = asked
    assert (first["revision"], first["token"], first["cache_dir"]) == ("r", "secret", "c")
    assert [name for name in first["ignore_patterns"] if name.endswith(".bin")] == [
        *("pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "3_Dense/pytorch_model.bin")
    ]
    assert not first["local_files_only"]
    assert second["local_files_only"] and second["cache_dir"] == "of-the-environment"


def test_a_pickle_holds_no_token(asked: list[dict[str, Any]]) -> None:
    assert b"secret" not in pickle.dumps(SparseEncoder("a/b", token="secret"))


def test_a_model_in_the_cache_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub")
    commit = "0123456789abcdef0123456789abcdef01234567"
    cache = tmp_path / "models--naver--splade-v3"
    shutil.copytree(TINY, cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    model = SparseEncoder("naver/splade-v3", cache_folder=str(tmp_path), local_files_only=True)
    assert model.encode(TEXTS, output="splade").shape[0] == len(TEXTS)
    assert model.__getstate__()["_source"]["revision"] == commit
    with pytest.raises(OSError):
        SparseEncoder("naver/other", cache_folder=str(tmp_path), local_files_only=True)
