-- The append to several streams, with claims and index entries; and the bulk append to one lane.
-- Locks are taken in one order by everybody: the command row, streams there are, new streams, claims, index
-- entries, lanes; each sorted.

SET LOCAL ROLE hulian_owner;

CREATE FUNCTION es_take_claims(
    p_kinds text[], p_keys uuid[], p_holders uuid[], p_from date[], p_to date[], p_take boolean[])
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r record;
    v_holder uuid;
BEGIN
    FOR r IN
        SELECT get_byte(uuid_send(u.key), 15)::smallint AS lane, u.*
        FROM unnest(p_kinds, p_keys, p_holders, p_from, p_to, p_take)
             AS u (kind, key, holder, valid_from, valid_to, take)
        ORDER BY 1, u.kind, u.key, u.take
    LOOP
        IF r.take THEN
            INSERT INTO es_claim AS c (lane, kind, key, holder, valid_from, valid_to)
            VALUES (r.lane, r.kind, r.key, r.holder, r.valid_from, r.valid_to)
            ON CONFLICT (lane, kind, key) DO UPDATE
            SET holder = excluded.holder, valid_from = excluded.valid_from, valid_to = excluded.valid_to
            WHERE c.holder = excluded.holder OR c.valid_to <= excluded.valid_from;
            IF NOT FOUND THEN
                SELECT holder INTO v_holder FROM es_claim
                WHERE lane = r.lane AND kind = r.kind AND key = r.key;
                RAISE EXCEPTION USING ERRCODE = 'HL005', MESSAGE = 'claim conflict',
                    DETAIL = json_build_object('kind', r.kind, 'key', r.key, 'holder', v_holder)::text;
            END IF;
        ELSIF r.valid_to IS NULL THEN
            DELETE FROM es_claim
            WHERE lane = r.lane AND kind = r.kind AND key = r.key AND holder = r.holder;
        ELSE
            UPDATE es_claim SET valid_to = r.valid_to
            WHERE lane = r.lane AND kind = r.kind AND key = r.key AND holder = r.holder;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION es_take_claims IS
    'takes and releases: free, same holder, or the old one ends by the new start; else claim-conflict';

CREATE FUNCTION es_add_index(p_kinds text[], p_key_versions smallint[], p_blinds bytea[], p_owners uuid[])
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r record;
    v_owner uuid;
BEGIN
    FOR r IN
        SELECT get_byte(u.blind, octet_length(u.blind) - 1)::smallint AS lane, u.*
        FROM unnest(p_kinds, p_key_versions, p_blinds, p_owners) AS u (kind, key_version, blind, owner)
        ORDER BY 1, u.kind, u.key_version, u.blind, u.owner
    LOOP
        INSERT INTO es_index (lane, kind, key_version, blind, owner)
        VALUES (r.lane, r.kind, r.key_version, r.blind, r.owner)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND AND r.kind = 'id-number' THEN
            SELECT owner INTO v_owner FROM es_index
            WHERE lane = r.lane AND kind = r.kind AND key_version = r.key_version AND blind = r.blind;
            IF v_owner <> r.owner THEN
                RAISE EXCEPTION USING ERRCODE = 'HL005', MESSAGE = 'claim conflict',
                    DETAIL = json_build_object('kind', 'identity', 'holder', v_owner)::text;
            END IF;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION es_add_index IS 'writes blind index entries; the entry of an ID number is the identity claim';

CREATE FUNCTION es_append_many(
    p_command_lane smallint, p_command uuid, p_hash bytea, p_result bytea, p_at timestamptz,
    p_lanes smallint[], p_streams uuid[], p_categories text[], p_expected integer[], p_counts integer[],
    p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    p_claim_kinds text[], p_claim_keys uuid[], p_claim_holders uuid[], p_claim_from date[], p_claim_to date[],
    p_claim_take boolean[],
    p_index_kinds text[], p_index_versions smallint[], p_index_blinds bytea[], p_index_owners uuid[],
    OUT o_repeated boolean, OUT o_streams uuid[], OUT o_versions integer[], OUT o_positions bigint[],
    OUT o_recorded_at timestamptz, OUT o_result bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r          record;
    s          record;
    v_now      timestamptz := clock_timestamp();
    v_last     timestamptz;
    v_position bigint;
BEGIN
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
        v_now := p_at;
    END IF;
    SELECT array_agg(u.expected + u.count ORDER BY u.n) INTO o_versions
    FROM unnest(p_expected, p_counts) WITH ORDINALITY AS u (expected, count, n);

    IF p_command IS NOT NULL THEN
        INSERT INTO es_command (lane, command_id, request_hash, streams, versions, result, recorded_at)
        VALUES (p_command_lane, p_command, p_hash, p_streams, o_versions, p_result, v_now)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            SELECT true, a.o_streams, a.o_versions, a.o_positions, a.o_recorded_at, a.o_result
            INTO o_repeated, o_streams, o_versions, o_positions, o_recorded_at, o_result
            FROM es_answer(p_command_lane, p_command, p_hash, p_streams[1]) a;
            RETURN;
        END IF;
    END IF;

    FOR r IN
        SELECT u.* FROM unnest(p_lanes, p_streams, p_categories, p_expected, p_counts, p_states)
             AS u (lane, stream_id, category, expected, count, state)
        ORDER BY u.expected <= 0, u.lane, u.stream_id
    LOOP
        UPDATE es_stream t SET version = r.expected + r.count, state = r.state
        WHERE t.lane = r.lane AND t.stream_id = r.stream_id AND t.version = r.expected AND t.state = 0
        RETURNING t.last_recorded_at INTO v_last;
        IF NOT FOUND THEN
            v_last := es_begin(r.lane, r.stream_id, r.category, r.expected, r.count, r.state, v_now);
        END IF;
        v_now := greatest(v_now, v_last);
    END LOOP;
    FOR r IN SELECT u.* FROM unnest(p_lanes, p_streams) AS u (lane, stream_id) LOOP
        UPDATE es_stream SET last_recorded_at = v_now WHERE lane = r.lane AND stream_id = r.stream_id;
    END LOOP;

    IF cardinality(p_claim_kinds) > 0 THEN
        PERFORM es_take_claims(p_claim_kinds, p_claim_keys, p_claim_holders, p_claim_from, p_claim_to, p_claim_take);
    END IF;
    IF cardinality(p_index_kinds) > 0 THEN
        PERFORM es_add_index(p_index_kinds, p_index_versions, p_index_blinds, p_index_owners);
    END IF;

    FOR r IN
        SELECT u.lane, sum(u.count) AS count FROM unnest(p_lanes, p_counts) AS u (lane, count)
        GROUP BY u.lane ORDER BY u.lane
    LOOP
        UPDATE es_lane SET position = position + r.count WHERE lane = r.lane RETURNING position - r.count INTO v_position;
        FOR s IN
            SELECT u.*, sum(u.count) OVER (ORDER BY u.n) - u.count AS skipped
            FROM unnest(p_lanes, p_streams, p_expected, p_counts) WITH ORDINALITY
                 AS u (lane, stream_id, expected, count, n)
            ORDER BY u.n
        LOOP
            CONTINUE WHEN s.lane <> r.lane;
            INSERT INTO es_event
            SELECT s.lane, v_position + u.n, s.stream_id, s.expected + u.n, u.event_id, u.name, u.day,
                   v_now, u.meta, u.data, u.private, u.digest
            FROM unnest(p_event_ids[s.skipped + 1 : s.skipped + s.count], p_names[s.skipped + 1 : s.skipped + s.count],
                        p_days[s.skipped + 1 : s.skipped + s.count], p_metas[s.skipped + 1 : s.skipped + s.count],
                        p_datas[s.skipped + 1 : s.skipped + s.count], p_privates[s.skipped + 1 : s.skipped + s.count],
                        p_digests[s.skipped + 1 : s.skipped + s.count])
                 WITH ORDINALITY AS u (event_id, name, day, meta, data, private, digest, n);
            v_position := v_position + s.count;
            o_positions[s.n] := v_position;
        END LOOP;
    END LOOP;

    o_repeated := false;
    o_streams := p_streams;
    o_recorded_at := v_now;
    o_result := p_result;
END
$$;
COMMENT ON FUNCTION es_append_many IS 'appends to several streams of any lanes, with claims and index: all or nothing';

CREATE FUNCTION es_append_bulk(
    p_lane smallint, p_command uuid, p_hash bytea, p_result bytea, p_at timestamptz, p_strict boolean,
    p_streams uuid[], p_categories text[], p_expected integer[], p_counts integer[], p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    OUT o_repeated boolean, OUT o_streams uuid[], OUT o_versions integer[], OUT o_positions bigint[],
    OUT o_moved uuid[], OUT o_recorded_at timestamptz, OUT o_result bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_now      timestamptz := clock_timestamp();
    v_times    timestamptz[];
    v_total    bigint;
    v_position bigint;
    v_moved    uuid;
BEGIN
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
        v_now := p_at;
    END IF;
    IF cardinality(p_streams) <> (SELECT count(DISTINCT stream_id) FROM unnest(p_streams) AS u (stream_id)) THEN
        RAISE EXCEPTION USING ERRCODE = 'HL007', MESSAGE = 'bad call',
            DETAIL = json_build_object('why', 'a stream twice in one call')::text;
    END IF;
    INSERT INTO es_command (lane, command_id, request_hash, streams, versions, moved, result, recorded_at)
    VALUES (p_lane, p_command, p_hash, '{}', '{}', '{}', p_result, v_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT true, a.o_streams, a.o_versions, a.o_positions, a.o_moved, a.o_recorded_at, a.o_result
        INTO o_repeated, o_streams, o_versions, o_positions, o_moved, o_recorded_at, o_result
        FROM es_answer(p_lane, p_command, p_hash, p_streams[1]) a;
        RETURN;
    END IF;

    PERFORM FROM es_stream WHERE lane = p_lane AND stream_id = ANY (p_streams) ORDER BY stream_id FOR UPDATE;
    -- For each stream of the call, when it may be written: its time of recording; else nothing.
    WITH wanted AS (
        SELECT * FROM unnest(p_streams, p_categories, p_expected, p_counts, p_states) WITH ORDINALITY
                 AS u (stream_id, category, expected, count, state, n)
    ), grown AS (
        UPDATE es_stream s
        SET version = w.expected + w.count, state = w.state, last_recorded_at = greatest(v_now, s.last_recorded_at)
        FROM wanted w
        WHERE s.lane = p_lane AND s.stream_id = w.stream_id AND s.version = w.expected AND s.state = 0
          AND w.expected > 0
        RETURNING s.stream_id, s.last_recorded_at
    ), begun AS (
        INSERT INTO es_stream (lane, stream_id, category, version, state, last_recorded_at)
        SELECT p_lane, w.stream_id, w.category, w.expected + w.count, w.state, v_now
        FROM wanted w WHERE w.expected <= 0 ORDER BY w.stream_id
        ON CONFLICT DO NOTHING
        RETURNING stream_id, last_recorded_at
    ), written AS (
        SELECT * FROM grown UNION ALL SELECT * FROM begun
    )
    SELECT array_agg(t.last_recorded_at ORDER BY w.n),
           array_agg(w.stream_id ORDER BY w.n) FILTER (WHERE t.stream_id IS NOT NULL),
           array_agg(w.expected + w.count ORDER BY w.n) FILTER (WHERE t.stream_id IS NOT NULL),
           array_agg(w.stream_id ORDER BY w.n) FILTER (WHERE t.stream_id IS NULL),
           coalesce(sum(w.count) FILTER (WHERE t.stream_id IS NOT NULL), 0),
           max(t.last_recorded_at)
    INTO v_times, o_streams, o_versions, o_moved, v_total, o_recorded_at
    FROM wanted w LEFT JOIN written t USING (stream_id);
    o_moved := coalesce(o_moved, '{}');
    o_streams := coalesce(o_streams, '{}');
    o_versions := coalesce(o_versions, '{}');
    IF p_strict AND cardinality(o_moved) > 0 THEN
        v_moved := o_moved[1];
        PERFORM es_refuse(p_lane, v_moved, p_expected[array_position(p_streams, v_moved)]);
    END IF;

    IF v_total > 0 THEN
        UPDATE es_lane SET position = position + v_total WHERE lane = p_lane
        RETURNING position - v_total INTO v_position;
        INSERT INTO es_event
        SELECT p_lane, v_position + row_number() OVER (ORDER BY u.n), w.stream_id, w.expected + (u.n - w.skipped),
               u.event_id, u.name, u.day, w.recorded_at, u.meta, u.data, u.private, u.digest
        FROM (SELECT a.stream_id, a.expected, a.count, a.recorded_at,
                     sum(a.count) OVER (ORDER BY a.n) - a.count AS skipped
              FROM unnest(p_streams, p_expected, p_counts, v_times) WITH ORDINALITY
                   AS a (stream_id, expected, count, recorded_at, n)) AS w
        CROSS JOIN LATERAL generate_series(w.skipped + 1, w.skipped + w.count) AS g (n)
        JOIN unnest(p_event_ids, p_names, p_days, p_metas, p_datas, p_privates, p_digests)
             WITH ORDINALITY AS u (event_id, name, day, meta, data, private, digest, n) ON u.n = g.n
        WHERE w.recorded_at IS NOT NULL;
        SELECT array_agg(v_position + a.upto ORDER BY a.n) INTO o_positions
        FROM (SELECT w.n, sum(w.count) OVER (ORDER BY w.n) AS upto
              FROM unnest(p_counts, v_times) WITH ORDINALITY AS w (count, recorded_at, n)
              WHERE w.recorded_at IS NOT NULL) AS a;
    END IF;
    o_positions := coalesce(o_positions, '{}');
    o_recorded_at := coalesce(o_recorded_at, v_now);
    o_repeated := false;
    o_result := p_result;
    UPDATE es_command SET streams = o_streams, versions = o_versions, moved = o_moved
    WHERE lane = p_lane AND command_id = p_command;
END
$$;
COMMENT ON FUNCTION es_append_bulk IS
    'appends to many streams of one lane; those whose version moved are reported, or refuse the whole when strict';

REVOKE ALL ON FUNCTION es_take_claims, es_add_index, es_append_many, es_append_bulk FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append_many, es_append_bulk TO hulian_app;

RESET ROLE;
