"""Loading: arguments, what is refused, saving, views of modules."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import CSR, ROUTER, TEXTS, TINY

import splade
from splade import SparseEncoder


def test_missing_models_are_told_as_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a model")
    with pytest.raises(NotADirectoryError, match="is a file, not a directory"):
        SparseEncoder(str(tmp_path / "file"))
    with pytest.raises(FileNotFoundError, match="not found"):
        SparseEncoder("a/b/c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="config.json"):
        SparseEncoder(str(tmp_path / "empty"))
    for arguments in ((), ("",)):
        with pytest.raises(ValueError, match="model_name_or_path is missing"):
            SparseEncoder(*arguments)


def test_broken_files_are_told_by_name(tmp_path: Path) -> None:
    for file in TINY.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RuntimeError, match="config.json"):
        SparseEncoder(str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"modules": [1]}, NotImplementedError, "`modules` is not supported"),
        ({"trust_remote_code": True}, NotImplementedError, "`trust_remote_code`"),
        ({"config_kwargs": {"a": 1}}, NotImplementedError, "`config_kwargs`"),
        ({"backend": "onnx"}, NotImplementedError, "backend='onnx'"),
        ({"model_kwargs": {"device_map": "auto"}}, NotImplementedError, "device_map"),
        ({"processor_kwargs": {"padding_side": "left"}}, NotImplementedError, "padding_side"),
        ({"max_active_dims": True}, ValueError, "max_active_dims must be a positive integer"),
        ({"max_active_dims": 0}, ValueError, "max_active_dims must be a positive integer"),
        ({"similarity_fn_name": "maxsim"}, ValueError, "MultiVectorEncoder"),
        ({"similarity_fn_name": "nonsense"}, ValueError, "only supports similarity_fn_name"),
        ({"default_prompt_name": "x"}, ValueError, r"keys \['query', 'document'\]"),
        ({"precision": "f8"}, ValueError, "precision is 'f8'"),
        ({"precision": ""}, ValueError, "precision is ''"),
        ({"threads": 0}, ValueError, "threads must be a positive integer, got 0"),
        ({"threads": -1}, ValueError, "threads must be a positive integer, got -1"),
        ({"threads": True}, ValueError, "threads must be a positive integer, got True"),
        ({"threads": 10**6}, ValueError, "threads is 1000000, more than"),
        ({"prompts": {"query": 5}}, TypeError, r"prompts\['query'\] is 5, not a string"),
        ({"prompts": "q: "}, TypeError, "prompts is a str, not a dictionary"),
        ({"default_prompt_name": 5}, TypeError, "default_prompt_name is 5, not a string"),
        ({"processor_kwargs": {"model_max_length": 0}}, ValueError, "model_max_length must be"),
        ({"device": "flex"}, ValueError, "`flex` is not in this build of splade, which has cpu"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        SparseEncoder(str(TINY), **arguments)


def test_messages_name_the_class_that_people_know(model: SparseEncoder) -> None:
    for call, message in (
        (lambda: model.encode(), r"SparseEncoder.encode\(\) missing 1 required"),
        (lambda: model.similarity([1]), r"SparseEncoder.similarity\(\) missing 1 required"),
        (lambda: SparseEncoder.sparsity(), r"SparseEncoder.sparsity\(\) missing 1 required"),
        (lambda: model.start_multi_process_pool(3), "target_devices is 3, expected a list"),
        (lambda: model.start_multi_process_pool("cpu"), "target_devices is 'cpu', expected a list"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    assert pickle.loads(pickle.dumps(SparseEncoder.encode)) is SparseEncoder.encode


def test_prompts_are_merged_over_the_checkpoint_s() -> None:
    folder = TINY.parent / "layouts" / "prompts"
    saved = json.loads((folder / "config_sentence_transformers.json").read_text())["prompts"]
    model = SparseEncoder(str(folder), prompts={"query": "q: ", "other": ""})
    assert model.prompts["query"] == "q: " and model.prompts["other"] == ""
    for name, text in saved.items():
        assert model.prompts[name] == (text if name != "query" else "q: ")


def test_precision_is_chosen_in_either_way() -> None:
    for arguments in ({"precision": "bf16"}, {"model_kwargs": {"dtype": "bfloat16"}}):
        assert SparseEncoder(str(TINY), **arguments).precision == "bf16"
    with pytest.raises(ValueError, match="give one of them"):
        SparseEncoder(str(TINY), precision="bf16", model_kwargs={"dtype": "bfloat16"})


def test_modules_have_the_names_of_the_reference() -> None:
    def names(modules: object) -> list[str]:
        return [type(module).__name__ for module in modules]

    model = SparseEncoder(str(TINY))
    assert names(model) == ["Transformer", "SpladePooling"] and len(model) == 2
    assert model[1].pooling_strategy == "max"
    assert model.splade_pooling_chunk_size is None
    model.splade_pooling_chunk_size = 13
    assert model[1].chunk_size == model.splade_pooling_chunk_size == 13
    csr = SparseEncoder(str(CSR))
    assert names(csr)[-1] == "SparseAutoEncoder" and csr.max_active_dims == csr[-1].k
    assert csr.get_model_kwargs() == ["max_active_dims"]
    router = SparseEncoder(str(ROUTER))
    assert names(router) == ["Router"]
    assert set(router.get_model_kwargs()) == {"task", "modality"}
    assert len(router[0].sub_modules["query"]) >= 1
    assert router[0].sub_modules.query[0] is router[0].sub_modules["query"][0]
    router.max_seq_length = 7
    assert router[0].sub_modules["query"][0].max_seq_length == router.max_seq_length == 7


def test_refusals_name_what_is_missing(model: SparseEncoder) -> None:
    for name in ("parameters", "compile", "push_to_hub"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=f"`{name}` is not supported"):
            getattr(model, name)
    assert model.eval() is model and model.train(False) is model
    with pytest.raises(NotImplementedError, match="does not train"):
        model.train()
    with pytest.raises(NotImplementedError, match="no pickles"):
        model.save_pretrained("x", safe_serialization=False)


def test_an_evaluator_gets_the_model_and_its_folder(model: SparseEncoder, tmp_path: Path) -> None:
    def evaluator(given: SparseEncoder, path: str) -> dict[str, float]:
        assert given is model and Path(path).is_dir()
        given.model_card_data.set_evaluation_metrics(evaluator, {"m": 1.0}, epoch=1, step=2)
        return {"m": 1.0}

    assert model.evaluate(evaluator, str(tmp_path / "out")) == {"m": 1.0}
    assert model.model_card_data.eval_results[0]["metrics"] == {"m": 1.0}


def test_measures_need_no_torch(model: SparseEncoder) -> None:
    from splade.evaluate import information_retrieval

    corpus = {str(i): text for i, text in enumerate(TEXTS)}
    queries = {"q": "sunny weather", "none": "x"}
    found = information_retrieval(model, queries, corpus, {"q": {"0", "1"}}, name="n")
    assert found["n_dot_accuracy@1"] == 1.0 and 0 < found["n_dot_ndcg@10"] <= 1
    assert found["n_query_active_dims"] > 0
    for function in ("cosine", splade.SimilarityFunction.COSINE):
        found = information_retrieval(model, queries, corpus, {"q": {"0"}}, similarity_fn_name=function)
        assert "cosine_ndcg@10" in found
    with pytest.raises(TypeError, match=r"relevant_docs\['q'\] is the string '0'"):
        information_retrieval(model, queries, corpus, {"q": "0"})


def test_vectors_are_exported_and_explained(model: SparseEncoder, tmp_path: Path) -> None:
    from splade import engines

    matrix = model.encode(TEXTS[:3], output="splade")
    for engine in engines.ENGINES:
        assert engines.export(model, tmp_path / "out", engine, matrix, ["1", "2", "3"]) == 3
        assert (tmp_path / "out").stat().st_size > 0
        assert engines.setup(engine, model.get_embedding_dimension())
    with pytest.raises(ValueError, match="but 1 ids"):
        engines.export(model, tmp_path / "out", "qdrant", matrix, ["1"])
    page = engines.explain(model, TEXTS[:2], ["sunny"], title="A page")
    assert page.startswith("<!") and "A page" in page and "sunny" in page
    assert engines.explain(model, TEXTS[0], "sunny") == engines.explain(model, TEXTS[:1], ["sunny"])


def test_the_version_is_the_workspace_s() -> None:
    manifest = (TINY.parents[2] / "Cargo.toml").read_text()
    assert f'version = "{splade.__version__}"' in manifest


def test_devices_are_listed() -> None:
    names = [name for names, _, _ in splade.devices() for name in names]
    assert "ndarray" in names or "cpu" in names
    assert np.all([isinstance(name, str) for name in names])


def test_a_file_of_an_engine_appears_whole_or_not_at_all(model: SparseEncoder, tmp_path: Path) -> None:
    from splade import engines

    matrix = model.encode(TEXTS[:2], output="splade")
    (tmp_path / "out").write_text("as before")
    with pytest.raises(ValueError, match="id"):
        engines.export(model, tmp_path / "out", "pgvector", matrix, ["1", ""])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "as before"
