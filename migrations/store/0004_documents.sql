-- Attachments (sealed bytes beside the events) and the numbers of issued documents.

CREATE TABLE es_attachment (
    lane        smallint    NOT NULL,
    id          uuid        NOT NULL,
    owner       uuid        NOT NULL,
    kind        text        NOT NULL,
    media       text        NOT NULL,
    sealed      bytea       NOT NULL CHECK (octet_length(sealed) <= 10485760 + 64),
    sha256      bytea       NOT NULL CHECK (sha256 = sha256(sealed)),
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (lane, id)
);
COMMENT ON TABLE es_attachment IS 'in the lane of its id; written before the event that names it: one no event names is harmless';
COMMENT ON COLUMN es_attachment.owner IS 'the person or household under whose key it is sealed, and with whom it is erased';
COMMENT ON COLUMN es_attachment.sha256 IS 'of the sealed bytes: stays true after erasure';
-- Sealed bytes do not compress; PostgreSQL 15 takes this only in a statement of its own.
ALTER TABLE es_attachment ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE es_counter (
    lane  smallint NOT NULL,
    organ text     NOT NULL,
    year  integer  NOT NULL,
    kind  text     NOT NULL,
    n     integer  NOT NULL,
    PRIMARY KEY (lane, organ, year, kind)
) WITH (fillfactor = 50);
COMMENT ON TABLE es_counter IS 'the last number given, in the lane of UUIDv5(organ/year/kind)';

CREATE TABLE es_number (
    lane     smallint    NOT NULL,
    organ    text        NOT NULL,
    year     integer     NOT NULL,
    kind     text        NOT NULL,
    taker    uuid        NOT NULL,
    n        integer     NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (lane, organ, year, kind, taker),
    UNIQUE (lane, organ, year, kind, n)
);
COMMENT ON TABLE es_number IS 'which command took which number: asking again gives the same; a number no event has is a gap';

CREATE FUNCTION es_put_attachment(
    p_lane smallint, p_id uuid, p_owner uuid, p_kind text, p_media text, p_sealed bytea,
    OUT o_owner uuid, OUT o_kind text, OUT o_media text, OUT o_size integer, OUT o_sha256 bytea,
    OUT o_recorded_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO es_attachment (lane, id, owner, kind, media, sealed, sha256, recorded_at)
    VALUES (p_lane, p_id, p_owner, p_kind, p_media, p_sealed, sha256(p_sealed), v_at)
    ON CONFLICT DO NOTHING;
    SELECT a.owner, a.kind, a.media, octet_length(a.sealed), a.sha256, a.recorded_at
    INTO o_owner, o_kind, o_media, o_size, o_sha256, o_recorded_at
    FROM es_attachment a WHERE a.lane = p_lane AND a.id = p_id;
END
$$;
COMMENT ON FUNCTION es_put_attachment IS 'stores an attachment; the same id again is answered with what was stored first';

CREATE FUNCTION es_attachment_of(p_lane smallint, p_id uuid, p_whole boolean)
    RETURNS TABLE (
        o_owner uuid, o_kind text, o_media text, o_size integer, o_sha256 bytea, o_recorded_at timestamptz,
        o_sealed bytea)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.owner, a.kind, a.media, octet_length(a.sealed), a.sha256, a.recorded_at,
           CASE WHEN p_whole THEN a.sealed END
    FROM es_attachment a WHERE a.lane = p_lane AND a.id = p_id;
END
$$;
COMMENT ON FUNCTION es_attachment_of IS 'one attachment, with its sealed bytes or without them';

CREATE FUNCTION es_take_number(
    p_lane smallint, p_organ text, p_year integer, p_kind text, p_taker uuid, OUT o_n integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_at timestamptz := clock_timestamp();
BEGIN
    SELECT n INTO o_n FROM es_number
    WHERE lane = p_lane AND organ = p_organ AND year = p_year AND kind = p_kind AND taker = p_taker;
    IF FOUND THEN
        RETURN;
    END IF;
    -- The counter's row is held to commit: whoever asks for the same series waits here.
    INSERT INTO es_counter AS c (lane, organ, year, kind, n) VALUES (p_lane, p_organ, p_year, p_kind, 1)
    ON CONFLICT (lane, organ, year, kind) DO UPDATE SET n = c.n + 1
    RETURNING c.n INTO o_n;
    INSERT INTO es_number (lane, organ, year, kind, taker, n, taken_at)
    VALUES (p_lane, p_organ, p_year, p_kind, p_taker, o_n, v_at)
    ON CONFLICT (lane, organ, year, kind, taker) DO NOTHING;
    IF NOT FOUND THEN
        -- The same command at the same moment was quicker; the number drawn here stays a gap.
        SELECT n INTO o_n FROM es_number
        WHERE lane = p_lane AND organ = p_organ AND year = p_year AND kind = p_kind AND taker = p_taker;
    END IF;
END
$$;
COMMENT ON FUNCTION es_take_number IS 'the next number of a series, never the same twice; the same taker gets the same';

REVOKE ALL ON FUNCTION es_put_attachment, es_attachment_of, es_take_number FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_put_attachment, es_attachment_of, es_take_number TO hulian_app;
