-- Sealing: by lane a tree over its events, and signed checkpoints over all lanes.
-- The sealer adds; it cannot change a kept hash or a checkpoint. Nothing here proves anything by itself: verification
-- computes all of it anew.

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

-- The checkpoints belong to no lane: every server holds them whole, and adding to such a table asks for more rights
-- there than the sealer may have.
CREATE FUNCTION es_add_checkpoint(p_number bigint, p_sizes bigint[], p_roots bytea[], p_text text, p_at timestamptz)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO es_checkpoint (number, sizes, roots, text, taken_at) VALUES (p_number, p_sizes, p_roots, p_text, p_at)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION es_add_checkpoint IS 'keeps a checkpoint; whether its number was free';

GRANT SELECT ON es_seal, es_seal_node, es_checkpoint TO hulian_sealer, hulian_app;
GRANT UPDATE (size, root, frontier) ON es_seal TO hulian_sealer;
GRANT INSERT ON es_seal_node TO hulian_sealer;
REVOKE ALL ON FUNCTION es_add_checkpoint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_add_checkpoint TO hulian_sealer;
