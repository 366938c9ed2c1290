CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE "passages" (id text PRIMARY KEY, "embedding" sparsevec(64) NOT NULL);
-- The rows: \copy "passages" (id, "embedding") FROM 'FILE'
