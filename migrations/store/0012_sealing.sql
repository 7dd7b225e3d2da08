-- Sealing: per lane a tree over its events, and signed checkpoints over all lanes.
-- The sealer adds; it cannot change a kept hash or a checkpoint. Nothing here proves anything by itself: verification
-- computes all of it anew.

SET LOCAL ROLE hulian_owner;

CREATE TABLE es_seal (
    lane     smallint PRIMARY KEY,
    size     bigint   NOT NULL DEFAULT 0,
    root     bytea,
    frontier bytea    NOT NULL DEFAULT ''
) WITH (fillfactor = 50);
COMMENT ON TABLE es_seal IS 'how far a lane is sealed: its first size events are in the tree; root is NULL while empty';
COMMENT ON COLUMN es_seal.frontier IS 'hashes of the complete subtrees, largest first, 32 bytes each';
INSERT INTO es_seal (lane) SELECT generate_series(0, 255);

CREATE TABLE es_seal_node (
    lane  smallint NOT NULL,
    level smallint NOT NULL,
    index bigint   NOT NULL,
    hash  bytea    NOT NULL,
    PRIMARY KEY (lane, level, index)
);
COMMENT ON TABLE es_seal_node IS
    'hash of the complete subtree of 2^level leaves (level 8, 16, 24, 32) that begins at leaf index * 2^level';

CREATE TABLE es_checkpoint (
    number   bigint      PRIMARY KEY,
    sizes    bigint[]    NOT NULL CHECK (cardinality(sizes) = 256),
    roots    bytea[]     NOT NULL CHECK (cardinality(roots) = 256),
    text     text        NOT NULL,
    taken_at timestamptz NOT NULL
);
COMMENT ON TABLE es_checkpoint IS 'signed: sizes[lane + 1] and roots[lane + 1] of all lanes; numbered from 1 without gap';

GRANT SELECT ON es_stream TO hulian_sealer;
GRANT SELECT ON es_seal, es_seal_node, es_checkpoint TO hulian_sealer, hulian_app;
GRANT UPDATE (size, root, frontier) ON es_seal TO hulian_sealer;
GRANT INSERT ON es_seal_node, es_checkpoint TO hulian_sealer;

RESET ROLE;
