-- What the two roles of a fleet may do. The owner of the tables runs this; neither role owns anything.

-- `{serving}`: the nodes. Entries, blobs and checkpoints can be added, and never be changed or taken away.
GRANT USAGE ON SCHEMA {schema} TO {serving};
GRANT SELECT ON {schema}.meta TO {serving};
GRANT SELECT, INSERT, UPDATE (size, root, epoch, key, rows_version) ON {schema}.logs TO {serving};
GRANT SELECT, INSERT ON {schema}.events, {schema}.blobs, {schema}.checkpoints TO {serving};
GRANT SELECT, INSERT, UPDATE (salt, bytes, case_id, erased_by) ON {schema}.payloads TO {serving};
GRANT SELECT, INSERT, UPDATE (bytes) ON {schema}.tiles TO {serving};
GRANT SELECT, INSERT, DELETE ON {schema}.lookups TO {serving};
GRANT SELECT, INSERT, DELETE, UPDATE (value) ON {schema}.rows, {schema}.secrets TO {serving};

-- `{reading}`: whoever looks. No payload's bytes or salt, no secrets.
GRANT USAGE ON SCHEMA {schema} TO {reading};
GRANT SELECT ON {schema}.meta, {schema}.logs, {schema}.events, {schema}.tiles, {schema}.checkpoints, {schema}.blobs,
    {schema}.lookups, {schema}.rows TO {reading};
GRANT SELECT (log, commitment, seq, idx, kind, case_id, expires, erased_by) ON {schema}.payloads TO {reading};
