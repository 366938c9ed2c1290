"""Saving: which folders are filled, what stays in them, and what a failure leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import TEXTS, TINY

from splade import SparseEncoder, saving


def files(folder: Path) -> dict[str, bytes]:
    """The content of each file below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_saved_model_gives_the_same_vectors(model: SparseEncoder, tmp_path: Path) -> None:
    model.prompts = {"query": "query: ", "document": ""}
    model.similarity_fn_name = "cosine"
    model.max_seq_length = 20
    model.save_pretrained(tmp_path / "new" / "model")
    loaded = SparseEncoder(tmp_path / "new" / "model")
    assert loaded.prompts == model.prompts and loaded.similarity_fn_name == "cosine"
    assert loaded.max_seq_length == 20
    expected = model.encode_query(TEXTS, output="scipy")
    assert (loaded.encode_query(TEXTS, output="scipy") != expected).nnz == 0
    assert (tmp_path / "new" / "model" / "README.md").is_file()


def test_a_folder_is_updated_and_nothing_in_it_is_lost(model: SparseEncoder, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    (folder / "notes.txt").write_text("mine")
    loaded = SparseEncoder(folder)
    loaded.prompts["query"] = "q: "
    loaded.save_pretrained(folder)
    assert SparseEncoder(folder).prompts["query"] == "q: "
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "router_config.json").write_text("{}")
    with pytest.raises(FileExistsError, match="router_config.json"):
        model.save_pretrained(folder)


def test_an_empty_working_directory_is_filled(
    model: SparseEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = os.stat(".").st_ino
    model.save_pretrained(".")
    assert os.stat(tmp_path).st_ino == before and Path.cwd() == tmp_path
    assert SparseEncoder(".").encode(TEXTS, output="splade").shape[0] == len(TEXTS)
    assert not [name for name in os.listdir() if name.startswith(".")]
    with pytest.raises(ValueError, match="path is empty"):
        model.save_pretrained("")


def test_a_link_to_a_folder_stays_one(model: SparseEncoder, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    model.save_pretrained(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "modules.json").is_file()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="file is not a folder"):
        model.save_pretrained(tmp_path / "file")


def test_the_parent_need_not_be_writable(
    model: SparseEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    mkdir = os.mkdir

    def refusing(path: str, *mode: int) -> None:  # Root writes everywhere.
        if os.path.dirname(path) == str(tmp_path):
            raise PermissionError(path)
        mkdir(path, *mode)

    monkeypatch.setattr(os, "mkdir", refusing)
    model.save_pretrained(tmp_path / "model")
    assert (tmp_path / "model" / "modules.json").is_file()


def test_what_belongs_to_no_model_stays_beside_it(model: SparseEncoder, tmp_path: Path) -> None:
    theirs = {
        ".git/config": "[core]",
        ".gitattributes": "*.safetensors filter=lfs",
        "checkpoint-1/config.json": "{}",
        "checkpoint-1/model.safetensors": "",
        "data.csv": "1,2",
    }
    for name, text in theirs.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    model.save_pretrained(tmp_path)
    assert {name: (tmp_path / name).read_text() for name in theirs} == theirs
    assert SparseEncoder(tmp_path).encode(TEXTS, output="splade").shape[0] == len(TEXTS)


@pytest.mark.parametrize("name", ["adapter_config.json", "pytorch_model.bin", "1_SpladePooling/idf.json"])
def test_what_would_change_the_model_is_refused(
    model: SparseEncoder, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(FileExistsError, match=f"{name} of another model"):
        model.save_pretrained(tmp_path)
    assert files(tmp_path) == {name: b"{}"}


def test_a_folder_in_the_place_of_a_file_is_refused(model: SparseEncoder, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").mkdir()
    with pytest.raises(FileExistsError, match="a folder tokenizer.json"):
        model.save_pretrained(tmp_path)
    assert os.listdir(tmp_path) == ["tokenizer.json"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("n_moves", [0, 3, 8, 12, 16])
def test_an_interrupted_update_leaves_the_folder_as_it_was(
    model: SparseEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
    n_moves: int,
) -> None:
    model.save_pretrained(tmp_path, model_name="before")
    (tmp_path / "1_SpladePooling" / "config.json").unlink()
    (tmp_path / "1_SpladePooling").rmdir()
    before = files(tmp_path)
    model.prompts["query"] = "q: "
    replace, calls = os.replace, []

    def interrupted(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == n_moves + 1:
            raise error
        replace(source, target)

    monkeypatch.setattr(saving.os, "replace", interrupted)
    with pytest.raises(error):
        model.save_pretrained(tmp_path, model_name="after")
    assert files(tmp_path) == before
    assert not (tmp_path / "1_SpladePooling").exists()


def test_a_half_updated_folder_is_not_loaded(
    model: SparseEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.save_pretrained(tmp_path)
    replace = os.replace

    def observed(source: str, target: str) -> None:
        replace(source, target)
        if target != str(tmp_path / "config.json"):
            with pytest.raises(FileNotFoundError):
                SparseEncoder(tmp_path)

    monkeypatch.setattr(saving.os, "replace", observed)
    model.save_pretrained(tmp_path)


def test_the_loaded_model_s_card_is_saved_with_it(model: SparseEncoder, tmp_path: Path) -> None:
    own = b"---\r\nlicense: cc-by-nc-sa-4.0\r\n---\r\nWords of its makers, \xff.\r\n"
    model.save_pretrained(tmp_path / "a")
    (tmp_path / "a" / "README.md").write_bytes(own)
    loaded = SparseEncoder(tmp_path / "a")
    loaded.save_pretrained(tmp_path / "b", model_name="another")
    assert (tmp_path / "b" / "README.md").read_bytes() == own
    for _ in range(2):
        loaded.model_card_data.set_evaluation_metrics(None, {"ndcg": 0.5})
        loaded.save_pretrained(tmp_path / "a")
        text = (tmp_path / "a" / "README.md").read_bytes()
        assert text.startswith(own.rstrip()) and text.count(b"| ndcg | 0.5 |") == 1


def test_our_card_replaces_no_other_and_names_no_folder(tmp_path: Path) -> None:
    for file in TINY.iterdir():
        if file.name != "README.md":
            (tmp_path / "a" / file.name).parent.mkdir(exist_ok=True)
            (tmp_path / "a" / file.name).write_bytes(file.read_bytes())
    model = SparseEncoder(tmp_path / "a")
    model.save_pretrained(tmp_path / "b")
    assert "# SparseEncoder\n" in (tmp_path / "b" / "README.md").read_text()
    assert str(tmp_path) not in (tmp_path / "b" / "README.md").read_text()
    (tmp_path / "b" / "README.md").write_text("mine")
    model.save_pretrained(tmp_path / "b")
    assert (tmp_path / "b" / "README.md").read_text() == "mine"
    model.save_pretrained(tmp_path / "b", model_name="a name")
    assert "# a name\n" in (tmp_path / "b" / "README.md").read_text()
    model.save_pretrained(tmp_path / "c", create_model_card=False)
    assert not (tmp_path / "c" / "README.md").exists()
