-- What the projections need beside their own schemas: which read models there are, and how far each has got.
-- Their tables are made by the projections themselves, in schemas of their own (read_chain, read_card …).

DO $$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO hulian_app', current_database());
END
$$;

SET LOCAL ROLE hulian_owner;

CREATE TABLE read_model (
    projection text        NOT NULL,
    version    integer     NOT NULL,
    live       boolean     NOT NULL,
    sql_sha256 text        NOT NULL,
    built_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    live_at    timestamptz,
    PRIMARY KEY (projection, version)
);
COMMENT ON TABLE read_model IS 'one row a version of a projection: the live one, and at times one being built beside it';

CREATE TABLE read_checkpoint (
    lane           smallint NOT NULL,
    projection     text     NOT NULL,
    version        integer  NOT NULL,
    live           boolean  NOT NULL,
    position       bigint   NOT NULL DEFAULT 0,
    failed_at      timestamptz,
    error          text,
    error_position bigint,
    PRIMARY KEY (lane, projection, version)
) WITH (fillfactor = 20);
COMMENT ON COLUMN read_checkpoint.position IS 'the last event in the rows; written in one transaction with them';
COMMENT ON COLUMN read_checkpoint.live IS 'whose schema to write: read_<projection>, or read_<projection>_next while built';
COMMENT ON COLUMN read_checkpoint.error_position IS 'the event a handler failed at; none when the rows could not be written';

GRANT SELECT, INSERT, UPDATE, DELETE ON read_model, read_checkpoint TO hulian_app;
GRANT SELECT ON read_model, read_checkpoint TO hulian_reader;

RESET ROLE;
