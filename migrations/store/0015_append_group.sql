-- Commands of several households that wait at the same time, each of one stream there is, without claims: one
-- statement and one commit for all of them. Each stands by itself as in `es_append`; one that cannot be carried out
-- at once (moved, closed, erased, asked before, its stream or lane held by somebody) is left out, and asks again
-- alone, where it waits, or is told why. So nothing is waited for with something held.

SET LOCAL ROLE hulian_owner;

CREATE FUNCTION es_append_group(
    p_lanes smallint[], p_commands uuid[], p_hashes bytea[],
    p_streams uuid[], p_expected integer[], p_counts integer[], p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    OUT o_positions bigint[], OUT o_recorded_at timestamptz[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_now   timestamptz := clock_timestamp();
    v_taken uuid[];
    v_heads smallint[];
    v_free  uuid[];
    v_head  bigint;
    v_at    timestamptz;
    v_next  integer := 1;
BEGIN
    WITH taken AS (
        INSERT INTO es_command (lane, command_id, request_hash, streams, versions, recorded_at)
        SELECT u.lane, u.command, u.hash, ARRAY[u.stream], ARRAY[u.expected + u.count], v_now
        FROM unnest(p_lanes, p_commands, p_hashes, p_streams, p_expected, p_counts)
             AS u (lane, command, hash, stream, expected, count)
        ORDER BY u.lane, u.command
        ON CONFLICT DO NOTHING
        RETURNING command_id
    )
    SELECT coalesce(array_agg(t.command_id), '{}') INTO v_taken FROM taken t;

    v_free := ARRAY(
        SELECT s.stream_id FROM unnest(p_lanes, p_streams, p_expected) AS u (lane, stream_id, expected)
        JOIN es_stream s ON s.lane = u.lane AND s.stream_id = u.stream_id
        WHERE s.version = u.expected AND s.state = 0
        FOR UPDATE OF s SKIP LOCKED);
    v_heads := ARRAY(SELECT l.lane FROM es_lane l WHERE l.lane = ANY (p_lanes) FOR UPDATE SKIP LOCKED);

    FOR n IN 1 .. cardinality(p_commands) LOOP
        IF p_commands[n] = ANY (v_taken) AND p_streams[n] = ANY (v_free) AND p_lanes[n] = ANY (v_heads) THEN
            UPDATE es_stream s
            SET version = p_expected[n] + p_counts[n], state = p_states[n],
                last_recorded_at = greatest(v_now, s.last_recorded_at)
            WHERE s.lane = p_lanes[n] AND s.stream_id = p_streams[n]
            RETURNING s.last_recorded_at INTO v_at;
            UPDATE es_lane l SET position = l.position + p_counts[n] WHERE l.lane = p_lanes[n]
            RETURNING l.position INTO v_head;
            FOR e IN 1 .. p_counts[n] LOOP
                INSERT INTO es_event VALUES (
                    p_lanes[n], v_head - p_counts[n] + e, p_streams[n], p_expected[n] + e, p_event_ids[v_next],
                    p_names[v_next], p_days[v_next], v_at, p_metas[v_next], p_datas[v_next], p_privates[v_next],
                    p_digests[v_next]);
                v_next := v_next + 1;
            END LOOP;
            o_positions[n] := v_head;
            o_recorded_at[n] := v_at;
        ELSE
            IF p_commands[n] = ANY (v_taken) THEN
                DELETE FROM es_command c WHERE c.lane = p_lanes[n] AND c.command_id = p_commands[n];
            END IF;
            v_next := v_next + p_counts[n];
            o_positions[n] := NULL;
            o_recorded_at[n] := NULL;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION es_append_group IS
    'commands of several streams that wait at the same time, in one commit; who is left out asks alone';

REVOKE ALL ON FUNCTION es_append_group FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append_group TO hulian_app;

RESET ROLE;
