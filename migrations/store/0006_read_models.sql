-- Beside the events: what jurisdictions publish, and which read models there are and how far each has got.
-- The read models' own tables are made by the projections themselves, in schemas of their own (read_chain, read_card …).

-- Policy packs, calendar editions, the register of regions: bodies only. Which of them is in force where is said by
-- events in the jurisdictions' own streams.
CREATE TABLE ref_pack (
    hash   text PRIMARY KEY,
    region text NOT NULL,
    body   text NOT NULL
);

CREATE TABLE ref_calendar (
    edition text PRIMARY KEY,
    region  text    NOT NULL,
    year    integer NOT NULL,
    body    text    NOT NULL
);

CREATE TABLE ref_region (
    code  text NOT NULL,
    since date NOT NULL,
    body  text NOT NULL,
    PRIMARY KEY (code, since)
);

CREATE TABLE read_model (
    projection text        NOT NULL,
    version    integer     NOT NULL,
    live       boolean     NOT NULL,
    sql_sha256 text        NOT NULL,
    built_at   timestamptz NOT NULL,
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

CREATE TABLE read_parked (
    lane       smallint    NOT NULL,
    projection text        NOT NULL,
    version    integer     NOT NULL,
    household  uuid        NOT NULL,
    position   bigint      NOT NULL,
    error      text        NOT NULL,
    attempts   integer     NOT NULL DEFAULT 1,
    parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (lane, projection, version, household)
);
COMMENT ON TABLE read_parked IS 'a household whose events from position on a projection has left out, until they are tried again';

CREATE FUNCTION read_hold(p_projection text, p_version integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    FOR v_lane IN 0 .. 255 LOOP
        PERFORM 1 FROM read_checkpoint
        WHERE lane = v_lane AND projection = p_projection AND (p_version IS NULL OR version = p_version)
        ORDER BY version FOR UPDATE;
    END LOOP;
END
$$;
COMMENT ON FUNCTION read_hold IS
    'locks the checkpoints of a projection in all lanes, of one version or (NULL) of all, lane by lane';

GRANT SELECT ON ref_pack, ref_calendar, ref_region, read_model, read_checkpoint, read_parked
    TO hulian_app, hulian_reader;
GRANT INSERT, UPDATE, DELETE ON read_model, read_checkpoint, read_parked TO hulian_app;
REVOKE ALL ON FUNCTION read_hold FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_hold TO hulian_app;
