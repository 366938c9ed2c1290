"""Torch's forms: memory, devices, lists."""

from __future__ import annotations

import pickle

import pytest
from conftest import TEXTS

from splade import SparseEncoder

pytestmark = pytest.mark.torch


def test_a_tensor_shares_the_weights(model: SparseEncoder) -> None:
    matrix = model.encode(TEXTS, output="splade")
    tensor = matrix.to_torch()
    assert tensor.is_coalesced()
    assert tensor.values().data_ptr() == matrix.values.ctypes.data
    csr = matrix.to_torch("csr")
    assert csr.values().data_ptr() == matrix.values.ctypes.data
    assert (csr.to_dense() == tensor.to_dense()).all()
    with pytest.raises(ValueError, match="layout is 'csc'"):
        matrix.to_torch("csc")


def test_rows_of_a_list_are_those_of_the_batch(model: SparseEncoder) -> None:
    import torch

    rows = model.encode(TEXTS, convert_to_tensor=False)
    assert torch.equal(torch.stack(rows).to_dense(), model.encode(TEXTS).to_dense())
    together = model.encode(TEXTS)
    assert sum(row._nnz() for row in rows) == together._nnz()


@pytest.mark.parametrize("sparse", [True, False])
def test_a_row_of_a_list_does_not_keep_the_batch(model: SparseEncoder, sparse: bool) -> None:
    options = {"convert_to_tensor": False, "convert_to_sparse_tensor": sparse, "max_active_dims": 10}
    one = model.encode(TEXTS[:1], **options)[0]
    among = model.encode(TEXTS * 50, **options)[0]
    assert abs(len(pickle.dumps(among)) - len(pickle.dumps(one))) < 50
    pair = [tensor.coalesce().values() if sparse else tensor for tensor in (among, one)]
    assert pair[0].untyped_storage().nbytes() == pair[1].untyped_storage().nbytes()


def test_moving_to_where_it_is_keeps_the_model(model: SparseEncoder) -> None:
    import torch

    native = model._native
    assert model.to("cpu") is model and model.cpu() is model
    assert model.to(torch.device("cpu"))._native is native
    assert model.device == torch.device("cpu") and model.dtype == torch.float32
    model.encode("a", device="cpu")
    assert model._native is native
    assert model.to(torch.bfloat16).dtype == torch.bfloat16


def test_double_precision_is_kept(model: SparseEncoder) -> None:
    import torch

    a, b = torch.rand(3, 8, dtype=torch.float64), torch.rand(2, 8, dtype=torch.float64)
    assert model.similarity(a, b).dtype == torch.float64
    torch.testing.assert_close(model.similarity(a, b), a @ b.T)
    assert model.similarity(a[0], b).shape == (1, 2)
    for function in model.SUPPORTED_SIMILARITY_FN_NAMES:
        model.similarity_fn_name = function
        scores = model.similarity(a, b)
        torch.testing.assert_close(model.similarity_pairwise(a[:2], b), scores.diagonal())
        torch.testing.assert_close(model.similarity_pairwise(a, b[0]), scores[:, 0])
        single = model.similarity_pairwise(a.float(), b[0].float())
        torch.testing.assert_close(single, scores[:, 0].float(), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="vectors are 3-D"):
        model.similarity(a[None], b)
    model.similarity_fn_name = "dot"
    assert model.similarity([[1.0, 0.0]], [[1.0, 2.0]]).tolist() == [[1.0]]


def test_decoding_keeps_the_weights_of_doubles(model: SparseEncoder) -> None:
    import torch

    weights = torch.zeros(2, model.get_embedding_dimension(), dtype=torch.float64)
    weights[1, 2088], weights[1, 2651] = 0.1, 1 / 3
    for tensor in (weights, weights.to_sparse()):
        assert model.decode(tensor) == [[], [("today", 1 / 3), ("world", 0.1)]]
    assert model.decode(weights[1], top_k=1) == [("today", 1 / 3)]


def test_an_intersection_has_the_type_of_its_tensors(model: SparseEncoder) -> None:
    import torch

    for dtype in (torch.float64, torch.float16, torch.float32):
        vectors = model.encode(TEXTS[:2]).to(dtype)
        for shared in (model.intersection(vectors[0], vectors), model.intersection(vectors[0], vectors[1])):
            assert shared.dtype == dtype
    halves, doubles = vectors.to(torch.float16), vectors.to(torch.float64)
    assert model.intersection(halves[0], doubles).dtype == torch.float64


def test_tokens_of_a_mixed_batch_are_those_of_each(model: SparseEncoder) -> None:
    batch = ["sunny", ("a", "b"), {"text": "c d e f"}]
    features = model.preprocess(batch)
    for row, text in enumerate(batch):
        alone = model.preprocess([text])
        width = alone["input_ids"].shape[1]
        for name, ids in alone.items():
            assert features[name][row, :width].tolist() == ids[0].tolist()


def test_mixed_forms_are_refused(model: SparseEncoder) -> None:
    own = model.encode(TEXTS, output="splade")
    with pytest.raises(TypeError, match="cannot compare"):
        model.similarity(own, model.encode(TEXTS))
    with pytest.raises(TypeError, match="Expected torch.Tensor"):
        model.decode([1, 2, 3])
    with pytest.raises(TypeError, match="must be a torch.Tensor"):
        model.sparsity([1, 2, 3])
