"""Measures the rivals of `splade-index` (the crate) from PyPI on a file of vectors.

    pip install -r benches/index-rivals-requirements.txt
    python benches/index_rivals.py DOCS.jsonl QUERIES.jsonl [--k 10] [--limit 300] [--only bmp]

Both files hold one JSON object a line: {"id": ..., "indices": [...], "values": [...]}. That is
what `benches/index.rs` reads, so both measure the same vectors.

Each rival runs on one thread. Printed for each setting: queries a second by the clock and by the
time that this process was on a CPU (the one to trust on a busy machine), and recall of the exact
top k. Recall counts a document as found if its exact score reaches the k-th best exact score, so
ties do not hurt. The first pass over the queries is not timed.

All three rivals install from PyPI on Python 3.11, Linux, x86-64. bmp takes integer impacts and is
given 8 bits of them, so its recall of the exact top k of f32 weights stays below 1 at alpha 1 too.
A query goes through each rival's Python interface, which is part of its time.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["DISABLE_TQDM"] = "1"

import numpy as np
import scipy.sparse as sp


def load(path, limit=None):
    """Ids and rows of a file of vectors."""
    ids, rows = [], []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if limit is not None and len(ids) == limit:
                break
            record = json.loads(line)
            ids.append(str(record["id"]))
            rows.append(
                (
                    np.array(record["indices"], dtype=np.int32),
                    np.array(record["values"], dtype=np.float32),
                )
            )
    return ids, rows


def csr(rows, dimension):
    """The rows as one matrix."""
    indptr = np.cumsum([0] + [len(indices) for indices, _ in rows])
    indices = np.concatenate([indices for indices, _ in rows])
    values = np.concatenate([values for _, values in rows])
    return sp.csr_matrix((values, indices, indptr), shape=(len(rows), dimension))


def bytes_of(path):
    """Size of a file, or of the files of a folder."""
    path = Path(path)
    if path.is_file():
        return path.stat().st_size
    return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())


class Judge:
    """Exact scores in f64, against which recall is counted."""

    def __init__(self, doc_ids, docs, queries, dimension, k):
        self.k = k
        self.row_of = {doc_id: row for row, doc_id in enumerate(doc_ids)}
        self.scores = [
            np.asarray((docs @ query.T).todense()).ravel()
            for query in csr(queries, dimension).astype(np.float64)
        ]
        self.kth = [np.partition(scores, -k)[-k] for scores in self.scores]

    def recall(self, answers):
        found = 0
        for ids, scores, kth in zip(answers, self.scores, self.kth, strict=True):
            # A rival sums in f32: what it cannot tell from the k-th best counts as found.
            found += sum(scores[self.row_of[doc_id]] >= kth * (1 - 1e-6) for doc_id in ids)
        return found / (self.k * len(answers))


def measure(name, n_queries, search, judge, repeats=3):
    """Times `search(query index) -> document ids` over all queries, and prints a line."""
    measure_all(name, n_queries, lambda: [search(i) for i in range(n_queries)], judge, repeats)


def measure_all(name, n_queries, search_all, judge, repeats=3):
    """Times `search_all() -> document ids of each query`, and prints a line."""
    answers = search_all()
    wall = cpu = float("inf")
    for _ in range(repeats):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        search_all()
        wall = min(wall, time.perf_counter() - wall_start)
        cpu = min(cpu, time.process_time() - cpu_start)
    print(
        f"{name:<44} {n_queries / wall:>9.0f} q/s {n_queries / cpu:>9.0f} q/cpu-s "
        f"{1e6 * cpu / n_queries:>9.0f} us  recall {judge.recall(answers):.4f}",
        flush=True,
    )


def built(name, wall, cpu, size):
    print(f"{name:<44} built in {wall:.1f} s ({cpu:.1f} cpu-s), {size / 1e6:.1f} MB", flush=True)


def bmp(doc_ids, docs, queries, judge, k, work):
    """Block-max pruning on impacts of 8 bits: exact with respect to those at alpha 1."""
    from bmp import Indexer, Searcher

    scale = 255 / max(values.max() for _, values in docs)
    for block in (8, 16, 32):
        path = str(work / f"bmp{block}")
        wall, cpu = time.perf_counter(), time.process_time()
        indexer = Indexer(path, bsize=block, compress_range=False)
        for doc_id, (indices, values) in zip(doc_ids, docs):
            impacts = np.rint(values * scale).astype(int)
            indexer.add_document(
                doc_id, {str(t): int(v) for t, v in zip(indices, impacts) if v > 0}
            )
        indexer.finish()
        built(
            f"bmp, blocks of {block}",
            time.perf_counter() - wall,
            time.process_time() - cpu,
            bytes_of(path),
        )
        searcher = Searcher(path)
        wire = [{str(t): float(v) for t, v in zip(*query)} for query in queries]
        for alpha, beta in ((1.0, 1.0), (0.9, 1.0), (0.85, 1.0), (0.8, 1.0), (0.8, 0.6)):
            measure(
                f"bmp, blocks of {block}, alpha {alpha}, beta {beta}",
                len(wire),
                lambda i: searcher.search(wire[i], k=k, alpha=alpha, beta=beta)[0],
                judge,
            )
        del searcher


def seismic(doc_ids, docs, queries, judge, k, work):
    """Seismic: approximate. Its settings trade recall for speed."""
    from seismic import SeismicIndex, get_seismic_string

    string = get_seismic_string()
    file = work / "seismic.jsonl"
    with open(file, "w", encoding="utf-8") as out:
        for row, (indices, values) in enumerate(docs):
            vector = {str(t): float(v) for t, v in zip(indices, values)}
            out.write(json.dumps({"id": row, "content": "", "vector": vector}) + "\n")
    names = [np.array([str(t) for t in indices], dtype=string) for indices, _ in queries]
    for label, options in (
        ("default", {}),
        ("large", {"n_postings": 6000, "summary_energy": 0.5}),
    ):
        wall, cpu = time.perf_counter(), time.process_time()
        index = SeismicIndex.build(str(file), num_threads=1, load_content=False, **options)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        index.save(str(work / f"seismic-{label}"))
        size = sum(bytes_of(part) for part in work.glob(f"seismic-{label}*"))
        built(f"seismic, {label}", wall, cpu, size)
        for cut, factor in ((5, 0.9), (10, 0.9), (10, 1.0), (20, 0.9), (20, 1.0), (60, 1.0)):
            # `search` answers (query id, score, document id).
            measure(
                f"seismic, {label}, query_cut {cut}, heap_factor {factor}",
                len(names),
                lambda i: [
                    doc_ids[int(hit[2])]
                    for hit in index.search("q", names[i], queries[i][1], k, cut, factor)
                ],
                judge,
            )
        del index


def splade_index(doc_ids, docs, queries, judge, k, work, dimension):
    """splade-index: exhaustive, in f32. A stand-in for its model hands over the vectors."""
    import torch
    from splade_index import SPLADE

    class Tokenizer:
        def get_vocab(self):
            return {str(term): term for term in range(dimension)}

    class Model:
        tokenizer = Tokenizer()

        def encode_document(self, documents, **_):
            matrix = csr(docs, dimension).tocoo()
            return torch.sparse_coo_tensor(
                np.stack([matrix.row, matrix.col]), matrix.data, matrix.shape
            ).coalesce()

        def encode_query(self, texts, **_):
            rows = [queries[int(text)] if text.isdigit() else queries[0] for text in texts]
            return [torch.sparse_coo_tensor(i[None, :], v, (dimension,)) for i, v in rows]

    torch.set_num_threads(1)
    # Its 0 means no pool for numpy, and all cores for numba.
    for backend, threads in (("numpy", 0), ("numba", 1)):
        wall, cpu = time.perf_counter(), time.process_time()
        index = SPLADE(backend=backend)
        index.index(Model(), documents=list(doc_ids), document_ids=list(doc_ids), show_progress=False)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        index.save(str(work / f"splade-index-{backend}"))
        built(f"splade-index, {backend}", wall, cpu, bytes_of(work / f"splade-index-{backend}"))
        # All queries in one call: what it does best.
        texts = [str(i) for i in range(len(queries))]
        measure_all(
            f"splade-index, {backend}",
            len(queries),
            lambda: index.retrieve(texts, k=k, show_progress=False, n_threads=threads).doc_ids,
            judge,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("docs")
    parser.add_argument("queries")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--limit", type=int, default=300, help="queries used")
    parser.add_argument("--dimension", type=int, default=30522)
    parser.add_argument("--only", choices=["bmp", "seismic", "splade-index"], action="append")
    arguments = parser.parse_args()
    doc_ids, docs = load(arguments.docs)
    _, queries = load(arguments.queries, arguments.limit)
    matrix = csr(docs, arguments.dimension).astype(np.float64)
    judge = Judge(doc_ids, matrix, queries, arguments.dimension, arguments.k)
    chosen = arguments.only or ["bmp", "seismic", "splade-index"]
    work = Path(tempfile.mkdtemp(prefix="index-rivals-"))
    try:
        common = (doc_ids, docs, queries, judge, arguments.k, work)
        if "bmp" in chosen:
            bmp(*common)
        if "seismic" in chosen:
            seismic(*common)
        if "splade-index" in chosen:
            splade_index(*common, arguments.dimension)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
