-- The append of one event to one stream, by far the most common: no arrays on the way there or back.
-- `es_append` stays for several events, and for programs of before.

SET LOCAL ROLE hulian_owner;

CREATE FUNCTION es_append_one(
    p_lane smallint, p_command uuid, p_hash bytea, p_result bytea,
    p_stream uuid, p_category text, p_expected integer, p_state smallint, p_at timestamptz,
    p_event_id uuid, p_name text, p_day date, p_meta bytea, p_data bytea, p_private bytea, p_digest bytea,
    OUT o_position bigint, OUT o_recorded_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_now timestamptz := coalesce(p_at, clock_timestamp());
BEGIN
    -- First of all: whoever sends the same command at the same time waits here for the first to end.
    INSERT INTO es_command (lane, command_id, request_hash, streams, versions, result, recorded_at)
    VALUES (p_lane, p_command, p_hash, ARRAY[p_stream], ARRAY[p_expected + 1], p_result, v_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    UPDATE es_stream s
    SET version = p_expected + 1, state = p_state, last_recorded_at = greatest(v_now, s.last_recorded_at)
    WHERE s.lane = p_lane AND s.stream_id = p_stream AND s.version = p_expected AND s.state = 0
    RETURNING s.last_recorded_at INTO v_now;
    IF NOT FOUND THEN
        v_now := es_begin(p_lane, p_stream, p_category, p_expected, 1, p_state, coalesce(p_at, clock_timestamp()));
    END IF;

    -- The head is held to commit: that is what makes positions dense and equal commit order.
    UPDATE es_lane SET position = position + 1 WHERE lane = p_lane RETURNING position INTO o_position;

    INSERT INTO es_event VALUES (
        p_lane, o_position, p_stream, p_expected + 1, p_event_id, p_name, p_day, v_now, p_meta, p_data, p_private,
        p_digest)
    RETURNING recorded_at INTO o_recorded_at;
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
    END IF;
END
$$;
COMMENT ON FUNCTION es_append_one IS
    'appends one event to one stream; nothing is answered when the command was carried out before: ask es_answer';

REVOKE ALL ON FUNCTION es_append_one FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append_one TO hulian_app;

RESET ROLE;
