"""Encoding without torch: forms, batches, limits, errors."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import CSR, ROUTER, TEXTS, TINY

from splade import SparseEncoder, SparseMatrix, SparseRow


def test_row_i_belongs_to_text_i(model: SparseEncoder) -> None:
    together = model.encode(TEXTS, output="splade")
    assert together.shape == (len(TEXTS), model.get_embedding_dimension())
    for row, text in zip(together, TEXTS):
        alone = model.encode(text, output="splade")
        assert isinstance(alone, SparseRow)
        assert row.indices.tolist() == alone.indices.tolist()
        np.testing.assert_allclose(row.values, alone.values, rtol=1e-5, atol=1e-5)


def test_scipy_shares_the_memory(model: SparseEncoder) -> None:
    matrix = model.encode(TEXTS, output="splade")
    array = matrix.to_scipy()
    assert array.shape == matrix.shape and array.indices.dtype == array.indptr.dtype == np.int32
    assert np.shares_memory(array.data, matrix.values)
    assert np.shares_memory(array.indices, matrix.indices)
    np.testing.assert_array_equal(array.toarray(), matrix.to_dense())


def test_arrow_shares_the_memory(model: SparseEncoder) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    matrix = model.encode(TEXTS, output="splade")
    array = matrix.to_arrow()
    array.validate(full=True)
    values = array.field("values").values
    assert values.buffers()[1].address == matrix.values.ctypes.data
    assert [len(row["indices"]) for row in array.to_pylist()] == np.diff(matrix.indptr).tolist()
    assert array.equals(model.encode(TEXTS, output="arrow"))
    # The capsule interface, which needs no pyarrow on our side.
    imported = pyarrow.array(matrix)
    assert imported.to_pylist() == array.to_pylist()


@pytest.mark.parametrize("folder", [TINY, ROUTER, CSR], ids=["tiny", "router", "csr"])
def test_every_kind_of_model_encodes(folder: object) -> None:
    model = SparseEncoder(str(folder))
    for encode in (model.encode_query, model.encode_document):
        array = encode(TEXTS[:3], output="scipy")
        assert array.shape == (3, model.get_embedding_dimension()) and array.nnz > 0


@pytest.mark.parametrize("dtype", ["U", "O"])
def test_arrays_of_strings_are_batches(model: SparseEncoder, dtype: str) -> None:
    expected = model.encode(TEXTS[:3], output="scipy")
    found = model.encode(np.array(TEXTS[:3], dtype=dtype), output="scipy")
    assert (found != expected).nnz == 0


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_arrow_arrays_are_batches(model: SparseEncoder, kind: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    expected = model.encode(TEXTS, output="scipy")
    array = pyarrow.array(TEXTS, getattr(pyarrow, kind)())
    chunked = pyarrow.chunked_array([array[:2], array[2:]])
    for texts in (array, chunked, pyarrow.array(["x", *TEXTS], array.type)[1:]):
        assert (model.encode(texts, output="scipy") != expected).nnz == 0


def test_pairs_are_encoded_as_one_text(model: SparseEncoder) -> None:
    pairs = [("what is AI?", "a science"), ("what is ML?", "a part of it")]
    found = model.encode(pairs, output="scipy")
    assert found.shape[0] == 2
    assert (found != model.encode(np.array(pairs), output="scipy")).nnz == 0
    assert (found != model.encode([first for first, _ in pairs], output="scipy")).nnz > 0


def test_a_batch_may_mix_texts_pairs_and_dictionaries(model: SparseEncoder) -> None:
    pair, text = ("what is AI?", "a science"), "sunny"
    of_pair, of_text = (model.encode([one], output="splade").to_dense()[0] for one in (pair, text))
    for batch in ([pair, text, pair], [text, list(pair)], [{"text": pair}, {"text": text}, text]):
        found = model.encode(batch, output="splade").to_dense()
        for row, one in zip(found, batch):
            expected = of_text if one in (text, {"text": text}) else of_pair
            np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-5)
    one = model.encode({"text": text}, output="splade")
    assert isinstance(one, SparseRow)
    np.testing.assert_allclose(one.to_dense(), of_text, rtol=1e-5, atol=1e-5)


def test_no_texts_give_no_rows(model: SparseEncoder) -> None:
    assert model.encode([], output="splade").shape == (0, model.get_embedding_dimension())
    assert model.encode([], output="scipy").shape == (0, model.get_embedding_dimension())
    assert len(model.encode([], output="arrow")) == 0


def test_batch_size_changes_no_row(model: SparseEncoder) -> None:
    expected = model.encode(TEXTS, output="scipy").toarray()
    found = model.encode(TEXTS, batch_size=1, output="scipy").toarray()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_limits_are_the_call_s_then_the_model_s(model: SparseEncoder) -> None:
    def counts(**options: object) -> list[int]:
        return np.diff(model.encode(TEXTS, output="splade", **options).indptr).tolist()

    assert max(counts()) > 8
    model.max_active_dims = 8
    assert max(counts()) == 8
    assert max(counts(max_active_dims=4)) == 4
    model.max_active_dims = None
    assert max(counts()) > 8


def test_numbers_may_be_numpy_s(model: SparseEncoder) -> None:
    four = np.int64(4)
    options = {"max_active_dims": four, "batch_size": four, "chunk_size": four}
    assert model.encode(TEXTS[:1], output="splade", **options).nnz == 4
    limited = SparseEncoder(str(TINY), max_active_dims=four, threads=np.int32(1))
    assert type(limited.max_active_dims) is int
    limited.max_seq_length = four
    assert type(limited.max_seq_length) is int
    vectors = limited.encode(TEXTS[:1], output="splade")
    assert (vectors.nnz, vectors.n_tokens) == (4, 4)
    assert len(limited.decode(vectors[0], top_k=np.int64(3))) == 3
    for value in (0, -1, None, True):
        with pytest.raises(ValueError, match=f"max_seq_length must be a positive integer, got {value}"):
            limited.max_seq_length = value
    for value in (0, -1, True):
        with pytest.raises(ValueError, match=f"top_k must be a positive integer, got {value}"):
            limited.decode(vectors, top_k=value)


def test_a_saved_limit_can_be_taken_back(tmp_path: object) -> None:
    SparseEncoder(str(TINY), max_active_dims=8).save_pretrained(f"{tmp_path}/m")
    model = SparseEncoder(f"{tmp_path}/m")
    assert model.max_active_dims == 8
    model.max_active_dims = None
    assert np.diff(model.encode(TEXTS, output="splade").indptr).max() > 8


def test_max_seq_length_cuts(model: SparseEncoder) -> None:
    text = "one two three four five six seven eight nine ten"
    whole = model.encode([text], output="splade")
    assert (whole.n_truncated, whole.n_tokens) == (0, 12)
    model.max_seq_length = 6
    assert (model.max_seq_length, model[0].max_seq_length) == (6, 6)
    cut = model.encode([text], output="splade")
    assert (cut.n_truncated, cut.n_tokens) == (1, 6)
    per_call = {"text": {"max_length": 4, "truncation": True}}
    assert model.encode([text], output="splade", processing_kwargs=per_call).n_tokens == 4
    with pytest.raises(ValueError, match="more than max_seq_length"):
        model.encode([text], output="splade", processing_kwargs={"text": {"truncation": False}})
    with pytest.raises(ValueError, match="positions"):
        model.max_seq_length = 100_000


def test_a_prompt_is_put_before_each_text(model: SparseEncoder) -> None:
    expected = model.encode([f"query: {text}" for text in TEXTS], output="scipy")
    model.prompts = {"query": "query: ", "document": ""}
    assert (model.encode(TEXTS, prompt="query: ", output="scipy") != expected).nnz == 0
    assert (model.encode(TEXTS, prompt_name="query", output="scipy") != expected).nnz == 0
    assert (model.encode_query(TEXTS, output="scipy") != expected).nnz == 0
    model.default_prompt_name = "query"
    assert (model.encode(TEXTS, output="scipy") != expected).nnz == 0
    plain = model.encode(TEXTS, prompt="", output="scipy")
    assert (plain != model.encode_document(TEXTS, output="scipy")).nnz == 0


def test_vectors_can_be_compared_and_read_without_torch(model: SparseEncoder) -> None:
    matrix = model.encode(TEXTS[:3], output="splade")
    dense = matrix.to_dense()
    scores = model.similarity(matrix, matrix)
    assert isinstance(scores, np.ndarray)
    np.testing.assert_allclose(scores, dense @ dense.T, rtol=1e-5)
    np.testing.assert_allclose(model.similarity_pairwise(matrix, matrix), np.diag(scores))
    np.testing.assert_allclose(model.similarity_pairwise(matrix[1], matrix), scores[1])
    np.testing.assert_allclose(model.similarity_pairwise(matrix, matrix[1]), scores[:, 1])
    with pytest.raises(ValueError, match="not 2 and 3"):
        model.similarity_pairwise(matrix[:2], matrix)
    assert model.similarity(matrix.to_scipy(), matrix).shape == (3, 3)
    tokens = model.decode(matrix, top_k=3)
    assert [len(row) for row in tokens] == [3, 3, 3] and tokens[0][0][0] == "today"
    assert model.decode(matrix[0], top_k=3) == tokens[0]
    assert model.decode(matrix.to_scipy(), top_k=3) == tokens
    sparsity = model.sparsity(matrix)
    assert sparsity == {"active_dims": 29.0, "sparsity_ratio": 1 - 29 / 30522}
    shared = model.intersection(matrix[0], matrix)
    assert shared[0].nnz == matrix[0].nnz and shared[1].nnz < matrix[1].nnz


def test_a_row_of_scipy_s_is_one_vector(model: SparseEncoder) -> None:
    array = model.encode(TEXTS[:2], output="scipy")
    row, own = array[0], model.encode(TEXTS[:2], output="splade")
    assert row.ndim == 1
    assert model.decode(row, top_k=3) == model.decode(own[0], top_k=3)
    assert model.sparsity(row) == model.sparsity(own[0])
    np.testing.assert_array_equal(model.similarity(row, array), model.similarity(own[0], own))
    shared = model.intersection(row, array[1])
    assert shared.shape == row.shape and shared.nnz == model.intersection(own[0], own[1]).nnz
    assert model.intersection(row, array).shape == array.shape


def test_rows_are_chosen_like_those_of_an_array(model: SparseEncoder) -> None:
    matrix = model.encode(TEXTS, output="splade")
    dense = matrix.to_dense()
    np.testing.assert_array_equal(matrix[-1].to_dense(), dense[-1])
    np.testing.assert_array_equal(matrix[1:4].to_dense(), dense[1:4])
    np.testing.assert_array_equal(matrix[::-2].to_dense(), dense[::-2])
    np.testing.assert_array_equal(matrix[[3, 0, 3]].to_dense(), dense[[3, 0, 3]])
    assert np.shares_memory(matrix[1].values, matrix.values)
    with pytest.raises(IndexError, match="row 5 of a matrix of 5 rows"):
        matrix[5]


def test_a_matrix_is_normalised_row_by_row(model: SparseEncoder) -> None:
    matrix = model.encode(TEXTS[:3], output="splade")
    dense = matrix.to_dense()
    expected = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    np.testing.assert_allclose(matrix.normalized().to_dense(), expected, rtol=1e-5)


def test_a_row_has_products_and_is_a_matrix_of_one(model: SparseEncoder) -> None:
    matrix = model.encode(TEXTS[:2], output="splade")
    dense = matrix.to_dense()
    assert matrix[0].dot(matrix[1]) == pytest.approx(float(dense[0] @ dense[1]), rel=1e-5)
    one = matrix[1].to_matrix()
    assert isinstance(one, SparseMatrix) and one.shape == (1, matrix.shape[1])
    np.testing.assert_array_equal(one.to_dense()[0], dense[1])


def test_what_is_wrong_is_told_with_its_row(model: SparseEncoder) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    for texts, error, message in (
        (["a", 3], TypeError, "text 1 is of type int, not str"),
        (["a", None], TypeError, "text 1 is of type NoneType"),
        (["a", "b", "\ud800"], UnicodeEncodeError, r"\(text 2\)"),
        (pyarrow.array(["a", None]), ValueError, "text 1 is null"),
        (pyarrow.chunked_array([["a", "b"], ["c", None]]), ValueError, "text 3 is null"),
        (pyarrow.array([1, 2]), TypeError, "Int64"),
        ([("a", "b"), ("c",)], TypeError, "text 1 is a tuple of 1: a pair is of two texts"),
        ([["a", "b", "c"]], TypeError, "text 0 is a list of 3: a pair is of two texts"),
        (["a", ("b", 3)], TypeError, "text 1 is a pair of str and int, not of two strings"),
        ([("a", "b"), 3], TypeError, "text 1 is of type int, not str"),
        ([{"text": 3}], TypeError, "text 0 is of type int, not str"),
        ({"words": "a"}, ValueError, r"unrecognized modality keys: \['words'\]"),
        ({"text": "a", "image": "b"}, ValueError, "modality 'image\\+text' is not supported"),
        ([[{"role": "user", "content": "a"}]], ValueError, "chat-style 'message' inputs"),
    ):
        with pytest.raises(error, match=message):
            model.encode(texts, output="splade")
    for options, error, message in (
        ({"batch_size": 0}, ValueError, "batch_size must be a positive integer, got 0."),
        ({"chunk_size": 0}, ValueError, "chunk_size must be a positive integer, got 0."),
        ({"max_active_dims": 0}, ValueError, "max_active_dims must be a positive integer"),
        ({"max_active_dims": -1}, ValueError, "max_active_dims must be a positive integer, got -1"),
        ({"max_active_dims": 2.0}, ValueError, "max_active_dims must be a positive integer, got 2.0"),
        ({"prompt": 3}, TypeError, "prompt is 3, not a string"),
        ({"task": 3}, TypeError, "task is 3, not a string"),
        ({"processing_kwargs": {"text": {"max_length": 0}}}, ValueError, "max_length must be"),
        ({"output": "numpy"}, ValueError, "output is 'numpy'"),
        ({"convert_to_tensor": False}, ValueError, "torch's forms"),
        ({"prompt_name": "x"}, ValueError, "Prompt name 'x' not found"),
        ({"normalize": True}, ValueError, "does not use: \\['normalize'\\]"),
        ({"pool": {}}, TypeError, "pool is a dict"),
        ({"device": "tpu"}, ValueError, "unknown device `tpu`"),
        ({"device": "flex"}, ValueError, "`flex` is not in this build of splade"),
        ({"device": ["flex"]}, ValueError, "`flex` is not in this build of splade"),
        ({"processing_kwargs": {"text": {"stride": 2}}}, NotImplementedError, "stride"),
        ({"processing_kwargs": {"image": {"size": 2}}}, NotImplementedError, "image"),
    ):
        with pytest.raises(error, match=message):
            model.encode(TEXTS, **{"output": "splade", **options})


def test_matrices_are_checked() -> None:
    indptr, indices = np.array([0, 2]), np.array([3, 1], np.int32)
    with pytest.raises(ValueError, match="row 0, position 1"):
        SparseMatrix.from_csr(indptr, indices, np.ones(2, np.float32), 5)
    with pytest.raises(ValueError):
        SparseMatrix.from_csr(indptr, indices[::-1].copy(), np.array([1, np.nan], np.float32), 5)
    with pytest.raises(ValueError, match="negative"):
        SparseMatrix.from_csr(-indptr, indices, np.ones(2, np.float32), 5)
