CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), clean INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES (1, 1);
CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    rows_version INTEGER NOT NULL,
    note TEXT
) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    id BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (log, idx),
    UNIQUE (log, id)
) STRICT;
CREATE TABLE tiles (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    level INTEGER NOT NULL,
    n INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (log, level, n)
) STRICT;
CREATE TABLE blobs (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    digest BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (log, digest)
) STRICT;
CREATE TABLE payloads (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    commitment BLOB NOT NULL,
    idx INTEGER NOT NULL,
    kind TEXT NOT NULL,
    case_id TEXT,
    expires INTEGER,
    salt BLOB,
    bytes BLOB,
    erased_by INTEGER,
    UNIQUE (log, commitment),
    CHECK ((erased_by IS NULL) = (salt IS NOT NULL)),
    CHECK ((erased_by IS NULL) = (bytes IS NOT NULL))
) STRICT;
CREATE INDEX payloads_case ON payloads (log, case_id, commitment) WHERE case_id IS NOT NULL AND erased_by IS NULL;
CREATE INDEX payloads_expiry ON payloads (log, expires, commitment) WHERE expires IS NOT NULL AND erased_by IS NULL;
CREATE TABLE rows (
    log INTEGER NOT NULL,
    tbl TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (log, tbl, key)
) STRICT, WITHOUT ROWID;
PRAGMA user_version=1;
