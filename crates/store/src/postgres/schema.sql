-- The tables of a fleet's store. `{schema}` is the schema's name.
CREATE SCHEMA IF NOT EXISTS {schema};

-- One row: the format of these tables.
CREATE TABLE {schema}.meta (format bigint NOT NULL);

-- A log. Whoever appends holds its row for one transaction; `epoch` counts those.
CREATE TABLE {schema}.logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    origin text NOT NULL,
    key text NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    epoch bigint NOT NULL,
    rows_version bigint NOT NULL
);

-- Entries: only ever added.
CREATE TABLE {schema}.events (
    log bigint NOT NULL REFERENCES {schema}.logs,
    idx bigint NOT NULL,
    id bytea NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (log, idx),
    UNIQUE (log, id)
);

-- The Merkle tree, as tiles; those at the right edge grow.
CREATE TABLE {schema}.tiles (
    log bigint NOT NULL,
    level smallint NOT NULL,
    n bigint NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (log, level, n)
);

-- Signed checkpoints: only ever added. The newest of a log has the greatest size, and of those the greatest number.
CREATE TABLE {schema}.checkpoints (
    log bigint NOT NULL REFERENCES {schema}.logs,
    size bigint NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    note text NOT NULL,
    PRIMARY KEY (log, size, seq)
);

-- Specs, prompts, examples, models, by their digest: only ever added.
CREATE TABLE {schema}.blobs (
    log bigint NOT NULL REFERENCES {schema}.logs,
    digest bytea NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (log, digest)
);

-- Personal data: erased by taking salt and bytes away.
CREATE TABLE {schema}.payloads (
    log bigint NOT NULL REFERENCES {schema}.logs,
    commitment bytea NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    idx bigint NOT NULL,
    kind text NOT NULL,
    case_id text,
    expires bigint,
    salt bytea,
    bytes bytea,
    erased_by bigint,
    PRIMARY KEY (log, commitment)
);
CREATE INDEX payloads_order ON {schema}.payloads (log, idx, seq);
CREATE INDEX payloads_case ON {schema}.payloads (log, case_id) WHERE case_id IS NOT NULL;
CREATE INDEX payloads_expires ON {schema}.payloads (log, expires) WHERE erased_by IS NULL AND expires IS NOT NULL;

-- What an event can be found by.
CREATE TABLE {schema}.lookups (
    log bigint NOT NULL,
    hash bigint NOT NULL,
    idx bigint NOT NULL,
    PRIMARY KEY (log, hash, idx)
);

-- Projections: a fold over events.
CREATE TABLE {schema}.rows (
    log bigint NOT NULL,
    tbl text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (log, tbl, key)
);

-- Tokens, sessions, keys behind case ids. No signing key is ever here.
CREATE TABLE {schema}.secrets (
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (kind, key)
);

INSERT INTO {schema}.meta (format) VALUES (1);
