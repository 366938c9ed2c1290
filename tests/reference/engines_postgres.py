"""pgvector: its Python types, and a PostgreSQL server that COPY, DDL, queries and limits are tried on."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from engines_truth import Truth, assert_same_hits, f32
from pgvector import SparseVector

UNESCAPE = {"t": "\t", "n": "\n", "r": "\r"}
VERSIONS: list[str] = []


def versions() -> str:
    return VERSIONS[0]


@contextmanager
def server():
    """A cluster in a temporary folder, which listens on a Unix socket there only."""
    binaries = Path(subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True).stdout.strip())
    folder = tempfile.mkdtemp(prefix="pgvector-", dir="/tmp")
    user = {"user": "postgres"} if os.getuid() == 0 else {}
    if user:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)

    def run(*command: str | Path, **options) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=folder, capture_output=True, **user, **options)

    def psql(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess:
        return run(
            binaries / "psql", "-h", folder, "-U", "postgres", "-X", "-v", "ON_ERROR_STOP=1", "-At", *arguments, input=(stdin or "").encode()
        )

    try:
        run(binaries / "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C", check=True)
        start = [binaries / "pg_ctl", "-D", "data", "-l", "log", "-w", "-o", f"-k {folder} -c listen_addresses= -c fsync=off"]
        run(*start, "start", check=True)
        try:
            yield psql
        finally:
            run(binaries / "pg_ctl", "-D", "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def ok(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()  # bytes until here: text mode would turn the \r of an id into \n


def weights(vector: SparseVector) -> dict[int, float]:
    return dict(zip(vector.indices(), map(f32, vector.values()), strict=True))


def copied(path: Path) -> list[tuple[str, str]]:
    """The columns of the COPY file, read by PostgreSQL's rules."""
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    columns = [line.split("\t") for line in lines]
    return [(re.sub(r"\\(.)", lambda m: UNESCAPE.get(m[1], m[1]), name), vector) for name, vector in columns]


def check(golden: Path, truth: Truth) -> dict:
    rows = copied(golden / "pgvector.rows.copy")
    assert [name for name, _ in rows] == [row["id"] for row in truth.documents]
    for (_, literal), row in zip(rows, truth.documents, strict=True):
        vector = SparseVector.from_text(literal)
        assert vector.dimensions() == len(truth.vocab)
        assert weights(vector) == row["weights"]

    with server() as psql:
        setup = (golden / "pgvector.setup.sql").read_text(encoding="utf-8")
        ok(psql("-f", "-", stdin=setup))
        VERSIONS.append(ok(psql("-c", "SELECT 'PostgreSQL ' || current_setting('server_version') || ', pgvector ' || extversion FROM pg_extension WHERE extname = 'vector'")).strip())
        # The \copy line of the setup, with the file on stdin.
        copy = re.search(r"\\copy (.*) FROM 'FILE'", setup)[1]
        ok(psql("-c", f"COPY {copy} FROM STDIN", stdin=(golden / "pgvector.rows.copy").read_bytes().decode()))
        assert ok(psql("-c", "SELECT count(*) FROM passages")).strip() == str(len(truth.documents))
        stored = ok(psql("-c", "SELECT encode(convert_to(id, 'UTF8'), 'hex'), embedding FROM passages"))
        stored = {bytes.fromhex(line.split("|")[0]).decode(): line.split("|")[1] for line in stored.splitlines()}
        for row in truth.documents:
            vector = SparseVector.from_text(stored[row["id"]])
            assert weights(vector) == row["weights"]

        answer(psql, golden, truth)
        index = (golden / "pgvector-hnsw.setup.sql").read_text(encoding="utf-8").splitlines()
        assert "\n".join(index[:3]) + "\n" == setup
        ok(psql("-c", "\n".join(index[3:])))
        ok(psql("-c", "ALTER DATABASE postgres SET enable_seqscan = off"))
        plan = ok(psql("-c", "EXPLAIN " + (golden / "pgvector.queries.sql").read_text(encoding="utf-8").splitlines()[0]))
        assert "Index Scan" in plan, plan
        answer(psql, golden, truth)
        limits(psql)
    claim = f"COPY takes {len(rows)} rows and gives them back bit for bit; {len(truth.queries)} queries answered as by brute force, exact and through HNSW; the limits are the server's"
    return {"pgvector": claim}


def answer(psql, golden: Path, truth: Truth) -> None:
    queries = (golden / "pgvector.queries.sql").read_text(encoding="utf-8").splitlines()
    for query, row in zip(queries, truth.queries, strict=True):
        # Ids hold line ends, so records end with NUL.
        records = ok(psql("-0", "-c", query)).removesuffix("\0").split("\0")
        hits = [record.rsplit("|", 1) for record in records]
        assert_same_hits([(name, float(score)) for name, score in hits], truth.best(row))


def limits(psql) -> None:
    """SPARSEVEC_MAX_NNZ, SPARSEVEC_MAX_DIM and HNSW_MAX_NNZ are what crates/export says they are."""

    def literal(nnz: int) -> str:
        return "{" + ",".join(f"{i}:1" for i in range(1, nnz + 1)) + "}/20000"

    def refused(done: subprocess.CompletedProcess, message: str) -> None:
        assert done.returncode != 0 and message in done.stderr.decode(), done.stderr

    def insert(nnz: int) -> subprocess.CompletedProcess:
        return psql("-f", "-", stdin=f"INSERT INTO limits VALUES ('{literal(nnz)}');")

    ok(psql("-c", "CREATE TABLE limits (v sparsevec(20000))"))
    ok(insert(16_000))
    refused(insert(16_001), "cannot have more than 16000 non-zero elements")
    ok(psql("-c", "SELECT '{1:1}/1000000000'::sparsevec"))
    refused(psql("-c", "SELECT '{1:1}/1000000001'::sparsevec"), "cannot have more than 1000000000 dimensions")
    ok(psql("-c", "TRUNCATE limits"))
    ok(psql("-c", "CREATE INDEX ON limits USING hnsw (v sparsevec_ip_ops)"))
    ok(insert(1_000))
    refused(insert(1_001), "cannot have more than 1000 non-zero elements for hnsw index")
