CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE "passages" (id text PRIMARY KEY, "embedding" sparsevec(64) NOT NULL);
-- The rows: \copy "passages" (id, "embedding") FROM 'FILE'
-- Faster if it runs after the rows are there.
CREATE INDEX ON "passages" USING hnsw ("embedding" sparsevec_ip_ops);
