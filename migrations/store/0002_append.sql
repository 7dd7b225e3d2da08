-- The append of one stream: one call, one round trip, everything or nothing.
--
-- Errors have SQLSTATEs of class HL; the detail is a JSON object.
--   HL001 version conflict   HL002 stream closed     HL003 stream erased   HL004 changed command
--   HL005 claim conflict     HL006 not a trial       HL007 bad call        HL008 trial too late

SET LOCAL ROLE hulian_owner;

CREATE FUNCTION es_refuse(p_lane smallint, p_stream uuid, p_expected integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_version integer;
    v_state   smallint;
BEGIN
    SELECT version, state INTO v_version, v_state FROM es_stream WHERE lane = p_lane AND stream_id = p_stream;
    RAISE EXCEPTION USING
        ERRCODE = CASE v_state WHEN 1 THEN 'HL002' WHEN 2 THEN 'HL003' ELSE 'HL001' END,
        MESSAGE = CASE v_state WHEN 1 THEN 'stream closed' WHEN 2 THEN 'stream erased' ELSE 'version conflict' END,
        DETAIL = json_build_object('stream', p_stream, 'expected', p_expected, 'current', v_version)::text;
END
$$;
CREATE FUNCTION es_must_be_trial() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT (SELECT trial FROM es_meta) THEN
        RAISE EXCEPTION USING ERRCODE = 'HL006', MESSAGE = 'not a trial store';
    END IF;
END
$$;
COMMENT ON FUNCTION es_must_be_trial IS 'refuses a told time of recording in any store that is not a trial';

CREATE FUNCTION es_begin(
    p_lane smallint, p_stream uuid, p_category text, p_expected integer, p_count integer, p_state smallint,
    p_now timestamptz)
    RETURNS timestamptz LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF p_expected <= 0 THEN
        INSERT INTO es_stream (lane, stream_id, category, version, state, last_recorded_at)
        VALUES (p_lane, p_stream, p_category, p_expected + p_count, p_state, p_now)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN p_now;
        END IF;
    END IF;
    PERFORM es_refuse(p_lane, p_stream, p_expected);
END
$$;
COMMENT ON FUNCTION es_begin IS 'begins a stream that is expected to be new; else raises why it cannot be written';

COMMENT ON FUNCTION es_refuse IS 'raises why a stream cannot be written: conflict, closed or erased';

CREATE FUNCTION es_answer(
    p_lane smallint, p_command uuid, p_hash bytea, p_stream uuid,
    OUT o_streams uuid[], OUT o_versions integer[], OUT o_positions bigint[], OUT o_moved uuid[],
    OUT o_recorded_at timestamptz, OUT o_result bytea)
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_hash bytea;
    v_at   timestamptz;
BEGIN
    SELECT c.request_hash, c.streams, c.versions, c.moved, c.result, c.recorded_at
    INTO v_hash, o_streams, o_versions, o_moved, o_result, o_recorded_at
    FROM es_command c WHERE c.lane = p_lane AND c.command_id = p_command;
    IF v_hash IS DISTINCT FROM p_hash OR p_stream <> ALL (o_streams || o_moved) THEN
        RAISE EXCEPTION USING ERRCODE = 'HL004', MESSAGE = 'changed command',
            DETAIL = json_build_object('command', p_command)::text;
    END IF;
    SELECT array_agg(e.position ORDER BY a.n), max(e.recorded_at)
    INTO o_positions, v_at
    FROM unnest(o_streams, o_versions) WITH ORDINALITY AS a (stream_id, version, n)
    JOIN es_event e ON e.lane = get_byte(uuid_send(a.stream_id), 15)
                   AND e.stream_id = a.stream_id AND e.version = a.version;
    o_recorded_at := coalesce(v_at, o_recorded_at);
    o_positions := coalesce(o_positions, '{}');
END
$$;
COMMENT ON FUNCTION es_answer IS 'the first answer to a command, or changed-command; a NULL stream is any';

-- Every expression outside a statement costs PL/pgSQL a start in each transaction: hence so few of them.
CREATE FUNCTION es_append(
    p_lane smallint, p_command uuid, p_hash bytea, p_result bytea,
    p_stream uuid, p_category text, p_expected integer, p_count integer, p_state smallint, p_at timestamptz,
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    OUT o_repeated boolean, OUT o_streams uuid[], OUT o_versions integer[], OUT o_positions bigint[],
    OUT o_recorded_at timestamptz, OUT o_result bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_now      timestamptz := coalesce(p_at, clock_timestamp());
    v_position bigint;
BEGIN
    -- First of all: whoever sends the same command at the same time waits here for the first to end.
    INSERT INTO es_command (lane, command_id, request_hash, streams, versions, result, recorded_at)
    VALUES (p_lane, p_command, p_hash, ARRAY[p_stream], ARRAY[p_expected + p_count], p_result, v_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT true, a.o_streams, a.o_versions, a.o_positions, a.o_recorded_at, a.o_result
        INTO o_repeated, o_streams, o_versions, o_positions, o_recorded_at, o_result
        FROM es_answer(p_lane, p_command, p_hash, p_stream) a;
        RETURN;
    END IF;

    UPDATE es_stream s
    SET version = p_expected + p_count, state = p_state, last_recorded_at = greatest(v_now, s.last_recorded_at)
    WHERE s.lane = p_lane AND s.stream_id = p_stream AND s.version = p_expected AND s.state = 0
    RETURNING s.last_recorded_at INTO v_now;
    IF NOT FOUND THEN
        v_now := es_begin(p_lane, p_stream, p_category, p_expected, p_count, p_state, coalesce(p_at, clock_timestamp()));
    END IF;

    -- The head is held to commit: that is what makes positions dense and equal commit order.
    UPDATE es_lane SET position = position + p_count WHERE lane = p_lane RETURNING position INTO v_position;

    IF p_count = 1 THEN
        INSERT INTO es_event VALUES (
            p_lane, v_position, p_stream, p_expected + 1, p_event_ids[1], p_names[1], p_days[1],
            v_now, p_metas[1], p_datas[1], p_privates[1], p_digests[1])
        RETURNING false, ARRAY[stream_id], ARRAY[version], ARRAY[position], recorded_at, p_result
        INTO o_repeated, o_streams, o_versions, o_positions, o_recorded_at, o_result;
    ELSE
        INSERT INTO es_event
        SELECT p_lane, v_position - p_count + u.n, p_stream, p_expected + u.n, u.event_id, u.name, u.day,
               v_now, u.meta, u.data, u.private, u.digest
        FROM unnest(p_event_ids, p_names, p_days, p_metas, p_datas, p_privates, p_digests)
             WITH ORDINALITY AS u (event_id, name, day, meta, data, private, digest, n);
        SELECT false, ARRAY[p_stream], ARRAY[p_expected + p_count], ARRAY[v_position], v_now, p_result
        INTO o_repeated, o_streams, o_versions, o_positions, o_recorded_at, o_result;
    END IF;
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
    END IF;
END
$$;
COMMENT ON FUNCTION es_append IS 'appends to one stream in its lane; the same command again gets the first answer';

REVOKE ALL ON FUNCTION es_refuse, es_must_be_trial, es_begin, es_answer, es_append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append, es_answer TO hulian_app;

RESET ROLE;
