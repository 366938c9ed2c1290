"""The native classes of vectors, and calls of several threads."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
from conftest import TEXTS, TINY

from splade import SparseEncoder, SparseMatrix


@pytest.fixture(scope="module")
def matrix() -> SparseMatrix:
    return SparseEncoder(str(TINY), device="cpu").encode(TEXTS[:3], output="splade")


def empty_rows(n_rows: int) -> SparseMatrix:
    indices, values = np.zeros(0, np.int32), np.zeros(0, np.float32)
    return SparseMatrix.from_csr(np.zeros(n_rows + 1, np.int64), indices, values, 30522)


def test_a_table_too_large_for_the_memory_is_an_error() -> None:
    many = empty_rows(10_000_000)
    with pytest.raises(MemoryError, match="10000000 x 30522"):
        many.to_dense()
    with pytest.raises(MemoryError, match="10000000 x 10000000"):
        many.similarity(many, "dot")


@pytest.mark.parametrize("last", [2**40, 2**62, -1])
def test_offsets_that_python_broke_are_an_error(last: int) -> None:
    broken = empty_rows(1)
    broken.indptr[1] = last
    with pytest.raises(ValueError, match="indptr"):
        broken.coo()


def test_rows_are_chosen_by_numbers_slices_and_masks(matrix: SparseMatrix) -> None:
    def picked(which: object) -> list[list[float]]:
        return [row.values.tolist() for row in matrix[which]]

    whole = [row.values.tolist() for row in matrix]
    assert matrix[-1].values.tolist() == whole[2]
    assert matrix[np.int64(1)].values.tolist() == whole[1]
    assert picked([2, 0]) == [whole[2], whole[0]]
    assert picked(np.array([2, 0])) == [whole[2], whole[0]]
    assert picked(slice(None, None, -1)) == whole[::-1]
    assert picked([True, False, True]) == [whole[0], whole[2]]
    assert picked(np.array([False, True, False])) == [whole[1]]
    assert len(matrix[[]]) == 0


@pytest.mark.parametrize("which", [True, (0, 1), "0", None, 1.5])
def test_what_chooses_no_rows_is_refused(matrix: SparseMatrix, which: object) -> None:
    with pytest.raises(TypeError, match="a number, a slice, a list of numbers or a mask"):
        matrix[which]


def test_a_mask_of_another_length_and_a_missing_row_are_refused(matrix: SparseMatrix) -> None:
    with pytest.raises(IndexError, match="a mask of 2 for a matrix of 3 rows"):
        matrix[[True, False]]
    with pytest.raises(IndexError, match="row 3 of a matrix of 3 rows"):
        matrix[[3]]


def test_pickles_keep_counts_and_hold_no_other_rows(matrix: SparseMatrix) -> None:
    again = pickle.loads(pickle.dumps(matrix))
    assert (again.n_tokens, again.n_truncated) == (matrix.n_tokens, 0)
    many = matrix[[0, 1, 2] * 1000]
    assert len(pickle.dumps(many[0])) < 2000
    for row in (pickle.loads(pickle.dumps(many[1])), copy.deepcopy(many[1])):
        assert row.indices.tolist() == matrix[1].indices.tolist()
        assert row.values.tolist() == matrix[1].values.tolist()
        assert row.shape == (30522,)


def test_both_ways_to_arrow_give_one_type(matrix: SparseMatrix) -> None:
    pa = pytest.importorskip("pyarrow")
    assert pa.array(matrix).equals(matrix.to_arrow())


def test_a_short_call_does_not_wait_for_a_long_one_of_another_thread() -> None:
    model = SparseEncoder(str(TINY), device="cpu", threads=1)
    long = threading.Thread(target=model.encode, args=(TEXTS * 4000,), kwargs={"output": "splade"})
    long.start()
    model.encode("short", output="splade")
    assert long.is_alive()
    long.join()
