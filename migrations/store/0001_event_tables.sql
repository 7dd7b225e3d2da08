-- The event store: 256 lanes, in each of which positions are dense and equal the order of commits.
-- PostgreSQL 15 core only. Stored formats are described in docs/formats.md and change only by decision note.
--
-- Every table that belongs to streams begins its keys with the lane, so that it can be spread over servers by it
-- (docs/scale-out.md). A time is taken into a variable first or comes as a parameter: a spread table refuses time
-- functions in the statements that write it.

CREATE TABLE es_meta (
    single           boolean     PRIMARY KEY DEFAULT true CHECK (single),
    store_id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    lanes            integer     NOT NULL DEFAULT 256 CHECK (lanes = 256),
    trial            boolean     NOT NULL DEFAULT false,
    digest_algorithm smallint    NOT NULL DEFAULT 1 CHECK (digest_algorithm IN (1, 2)),
    founded_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN es_meta.trial IS 'a trial store takes recorded_at from a script; set before the first event, for ever';
COMMENT ON COLUMN es_meta.digest_algorithm IS '1 = SHA-256, 2 = SM3';
INSERT INTO es_meta DEFAULT VALUES;

CREATE TABLE es_lane (
    lane     smallint PRIMARY KEY,
    position bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO es_lane (lane) SELECT generate_series(0, 255);

CREATE TABLE es_stream (
    lane             smallint    NOT NULL,
    stream_id        uuid        NOT NULL,
    category         text        NOT NULL,
    version          integer     NOT NULL,
    state            smallint    NOT NULL DEFAULT 0,
    last_recorded_at timestamptz NOT NULL,
    PRIMARY KEY (lane, stream_id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN es_stream.state IS '0 open, 1 closed, 2 erased';

CREATE TABLE es_event (
    lane         smallint    NOT NULL,
    position     bigint      NOT NULL,
    stream_id    uuid        NOT NULL,
    version      integer     NOT NULL,
    event_id     uuid        NOT NULL,
    name         text        NOT NULL,
    effective_on date,
    recorded_at  timestamptz NOT NULL,
    meta         bytea       NOT NULL,
    data         bytea       NOT NULL,
    private      bytea,
    digest       bytea       NOT NULL,
    PRIMARY KEY (lane, position),
    UNIQUE (lane, stream_id, version)
);
-- No CHECK on es_lane, es_stream, es_event and es_command: PostgreSQL would parse it anew for every append.
COMMENT ON COLUMN es_event.effective_on IS 'the legal day; NULL only with empty meta: an event of the library''s own';

CREATE TABLE es_command (
    lane         smallint    NOT NULL,
    command_id   uuid        NOT NULL,
    request_hash bytea       NOT NULL,
    streams      uuid[]      NOT NULL,
    versions     integer[]   NOT NULL,
    result       bytea,
    recorded_at  timestamptz NOT NULL,
    PRIMARY KEY (lane, command_id)
);
COMMENT ON TABLE es_command IS 'lies in the lane of the first stream the request names; versions are those after it';

CREATE TABLE es_claim (
    lane       smallint NOT NULL,
    kind       text     NOT NULL,
    key        uuid     NOT NULL,
    holder     uuid     NOT NULL,
    valid_from date     NOT NULL,
    valid_to   date,
    PRIMARY KEY (lane, kind, key)
) WITH (fillfactor = 80);
COMMENT ON TABLE es_claim IS 'one row a key, in the lane of the key; [valid_from, valid_to)';

CREATE TABLE es_index (
    lane        smallint NOT NULL,
    kind        text     NOT NULL,
    key_version smallint NOT NULL,
    blind       bytea    NOT NULL,
    owner       uuid     NOT NULL,
    PRIMARY KEY (lane, kind, key_version, blind, owner)
);
COMMENT ON TABLE es_index IS 'blind index (versioned HMAC), in the lane of the last byte of the blind value';
CREATE UNIQUE INDEX es_index_identity ON es_index (lane, key_version, blind) WHERE kind = 'id-number';
CREATE INDEX es_index_owner ON es_index (owner);

CREATE FUNCTION es_json(p_bytes bytea) RETURNS json
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN convert_from(p_bytes, 'UTF8')::json;
EXCEPTION WHEN others THEN
    RETURN json_build_object('base64', encode(p_bytes, 'base64'));
END
$$;

CREATE VIEW event_readable AS
SELECT lane, position, stream_id, version, event_id, name, effective_on, recorded_at,
       es_json(meta) AS meta, es_json(data) AS data,
       private IS NOT NULL AS has_private, encode(digest, 'hex') AS digest
FROM es_event;

GRANT USAGE ON SCHEMA public TO hulian_app, hulian_reader, hulian_sealer;
GRANT SELECT ON es_meta, es_lane, es_stream, es_event, es_command, es_claim, es_index, event_readable TO hulian_app;
GRANT SELECT ON es_meta, es_lane TO hulian_reader;
GRANT SELECT ON es_meta, es_lane, es_stream, es_event TO hulian_sealer;
