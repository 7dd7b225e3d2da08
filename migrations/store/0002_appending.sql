-- Appending: es_append carries out one command of any shape, all or nothing; es_append_many carries out many commands,
-- each by itself. Each is one call and one round trip.
--
-- Errors have SQLSTATEs of class HL; the detail is a JSON object.
--   HL001 version conflict   HL002 stream closed   HL003 stream erased    HL005 claim conflict
--   HL006 not a trial        HL008 trial too late
--
-- Every writer takes its locks in one order: command rows; streams, lane by lane, those there are before new ones,
-- each sorted; claims; index entries; the heads of lanes, sorted. Each lock names one lane.
-- The streams of a call come sorted by lane, those of es_append_many as they are locked; their events in the same order.

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

CREATE FUNCTION es_why_not(
    p_lane smallint, p_stream uuid, p_expected integer, OUT o_code text, OUT o_detail text)
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_version integer;
    v_state   smallint;
BEGIN
    SELECT version, state INTO v_version, v_state FROM es_stream WHERE lane = p_lane AND stream_id = p_stream;
    o_code := CASE v_state WHEN 1 THEN 'HL002' WHEN 2 THEN 'HL003' ELSE 'HL001' END;
    o_detail := json_build_object('stream', p_stream, 'expected', p_expected, 'current', v_version)::text;
END
$$;
COMMENT ON FUNCTION es_why_not IS 'why a stream cannot be written: version conflict, closed or erased';

CREATE FUNCTION es_refuse(p_lane smallint, p_stream uuid, p_expected integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_code   text;
    v_detail text;
BEGIN
    SELECT w.o_code, w.o_detail INTO v_code, v_detail FROM es_why_not(p_lane, p_stream, p_expected) AS w;
    RAISE EXCEPTION USING ERRCODE = v_code, MESSAGE = 'stream cannot be written', DETAIL = v_detail;
END
$$;
COMMENT ON FUNCTION es_refuse IS 'raises why a stream cannot be written';

CREATE FUNCTION es_begin(
    p_lane smallint, p_stream uuid, p_category text, p_expected integer, p_version integer, p_state smallint,
    p_now timestamptz)
    RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF p_expected <= 0 THEN
        INSERT INTO es_stream (lane, stream_id, category, version, state, last_recorded_at)
        VALUES (p_lane, p_stream, p_category, p_version, p_state, p_now)
        ON CONFLICT DO NOTHING;
        RETURN FOUND;
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION es_begin IS 'begins a stream that is expected to be new; whether it was';

-- The settings hold the plans to one shape: every stream of the call, in order, looked up by its key. So locks are
-- taken in the order everybody takes them, and a plan made while tables were small does not hurt when they are not.
CREATE FUNCTION es_move_streams(
    p_lane smallint, p_streams uuid[], p_categories text[], p_expected integer[], p_versions integer[],
    p_states smallint[], p_now timestamptz)
    RETURNS timestamptz[] LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET enable_material = off
AS $$
DECLARE
    v_count   integer := cardinality(p_streams);
    v_written integer[];
    v_begun   integer[];
    v_times   timestamptz[];
    v_last    timestamptz;
BEGIN
    WITH grown AS (
        UPDATE es_stream s
        SET version = w.version, state = w.state, last_recorded_at = greatest(p_now, s.last_recorded_at)
        FROM (SELECT u.*, row_number() OVER ()::integer AS n
              FROM (SELECT unnest(p_streams) AS stream_id, unnest(p_expected) AS expected,
                           unnest(p_versions) AS version, unnest(p_states) AS state) AS u
              ORDER BY u.stream_id) AS w
        WHERE s.lane = p_lane AND s.stream_id = w.stream_id AND s.version = w.expected AND s.state = 0
          AND w.expected > 0
        RETURNING w.n, s.last_recorded_at
    )
    SELECT array_agg(g.n), array_agg(g.last_recorded_at), max(g.last_recorded_at)
    INTO v_written, v_times, v_last FROM grown g;
    IF 0 >= ANY (p_expected) THEN
        WITH begun AS (
            INSERT INTO es_stream (lane, stream_id, category, version, state, last_recorded_at)
            SELECT p_lane, u.stream_id, u.category, u.version, u.state, p_now
            FROM (SELECT unnest(p_streams) AS stream_id, unnest(p_categories) AS category,
                         unnest(p_expected) AS expected, unnest(p_versions) AS version,
                         unnest(p_states) AS state) AS u
            WHERE u.expected <= 0 ORDER BY u.stream_id
            ON CONFLICT DO NOTHING
            RETURNING stream_id
        )
        SELECT array_agg(array_position(p_streams, b.stream_id)) INTO v_begun FROM begun b;
        v_written := v_written || v_begun;
        v_times := v_times || array_fill(p_now, ARRAY[coalesce(cardinality(v_begun), 0)]);
        v_last := greatest(v_last, p_now);
    END IF;
    IF cardinality(v_written) = v_count AND v_last = p_now THEN
        RETURN array_fill(p_now, ARRAY[v_count]);
    END IF;
    SELECT array_agg(a.at ORDER BY a.n) INTO v_times
    FROM (SELECT u.n, max(u.at) AS at
          FROM (SELECT unnest(v_written) AS n, unnest(v_times) AS at
                UNION ALL SELECT generate_series(1, v_count), NULL) AS u
          GROUP BY u.n) AS a;
    RETURN v_times;
END
$$;
COMMENT ON FUNCTION es_move_streams IS
    'moves streams of one lane on to their new versions; by stream the time of recording, NULL where it cannot be moved';

CREATE FUNCTION es_take_claims(
    p_of integer[], p_left integer[],
    p_kinds text[], p_keys uuid[], p_holders uuid[], p_from date[], p_to date[], p_take boolean[])
    RETURNS TABLE (o_of integer, o_detail text)
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r        record;
    v_holder uuid;
    v_from   date;
BEGIN
    FOR r IN
        SELECT get_byte(uuid_send(u.key), 15)::smallint AS lane, u.*
        FROM unnest(p_of, p_kinds, p_keys, p_holders, p_from, p_to, p_take)
             AS u (of, kind, key, holder, valid_from, valid_to, take)
        WHERE p_left IS NULL OR p_left[u.of] IS NOT NULL
        ORDER BY 1, u.kind, u.key, u.take
    LOOP
        IF r.take THEN
            INSERT INTO es_claim AS c (lane, kind, key, holder, valid_from, valid_to)
            VALUES (r.lane, r.kind, r.key, r.holder, r.valid_from, r.valid_to)
            ON CONFLICT (lane, kind, key) DO UPDATE
            SET holder = excluded.holder, valid_from = excluded.valid_from, valid_to = excluded.valid_to
            WHERE c.holder = excluded.holder OR c.valid_to <= excluded.valid_from;
            IF NOT FOUND THEN
                SELECT holder, valid_from INTO v_holder, v_from FROM es_claim
                WHERE lane = r.lane AND kind = r.kind AND key = r.key;
                o_of := r.of;
                o_detail := json_build_object('kind', r.kind, 'key', r.key, 'holder', v_holder,
                                              'past', coalesce(r.valid_to <= v_from, false))::text;
                RETURN NEXT;
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
    'takes a claim that is free, the holder''s own or over by the new start, and releases; the claims that clash. '
    'p_of says whose each is, p_left (NULL where left out) which of them go on';

CREATE FUNCTION es_change_index(
    p_of integer[], p_left integer[],
    p_kinds text[], p_key_versions smallint[], p_blinds bytea[], p_owners uuid[], p_acts smallint[])
    RETURNS TABLE (o_of integer, o_detail text)
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r       record;
    v_owner uuid;
    v_kept  uuid[] := '{}';
BEGIN
    FOR r IN
        SELECT get_byte(u.blind, octet_length(u.blind) - 1)::smallint AS lane, u.*
        FROM unnest(p_of, p_kinds, p_key_versions, p_blinds, p_owners, p_acts)
             AS u (of, kind, key_version, blind, owner, act)
        WHERE p_left IS NULL OR p_left[u.of] IS NOT NULL
        ORDER BY 1, u.kind, u.key_version, u.blind, u.owner, u.act
    LOOP
        CASE r.act
        WHEN 0 THEN
            DELETE FROM es_index
            WHERE lane = r.lane AND kind = r.kind AND key_version = r.key_version AND blind = r.blind
              AND owner = r.owner;
        WHEN 1 THEN
            -- Held until the commit: nobody releases meanwhile what this append rests on.
            PERFORM 1 FROM es_index
            WHERE lane = r.lane AND kind = r.kind AND key_version = r.key_version AND blind = r.blind
              AND owner = r.owner
            FOR SHARE;
            IF FOUND THEN
                v_kept := v_kept || r.owner;
            END IF;
        ELSE
            INSERT INTO es_index (lane, kind, key_version, blind, owner)
            VALUES (r.lane, r.kind, r.key_version, r.blind, r.owner)
            ON CONFLICT DO NOTHING;
            IF NOT FOUND AND r.kind = 'id-number' THEN
                SELECT owner INTO v_owner FROM es_index
                WHERE lane = r.lane AND kind = r.kind AND key_version = r.key_version AND blind = r.blind;
                IF v_owner <> r.owner THEN
                    o_of := r.of;
                    o_detail := json_build_object('kind', 'identity', 'holder', v_owner)::text;
                    RETURN NEXT;
                END IF;
            END IF;
        END CASE;
    END LOOP;

    RETURN QUERY
    SELECT u.of, json_build_object('kind', 'identity', 'holder', u.owner)::text
    FROM unnest(p_of, p_owners, p_acts) AS u (of, owner, act)
    WHERE u.act = 1 AND u.owner <> ALL (v_kept) AND (p_left IS NULL OR p_left[u.of] IS NOT NULL);
END
$$;
COMMENT ON FUNCTION es_change_index IS
    'index entries: 0 released, of this owner only; 1 still the owner''s, else a clash; 2 added, where the entry of an '
    'ID number is the identity claim; the entries that clash';

CREATE FUNCTION es_write_events(
    p_lane smallint, p_before bigint,
    p_streams uuid[], p_expected integer[], p_versions integer[], p_times timestamptz[], p_at timestamptz,
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[])
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_streams  uuid[] := p_streams;
    v_versions integer[] := p_versions;
    v_times    timestamptz[] := p_times;
BEGIN
    IF cardinality(p_streams) < cardinality(p_event_ids) THEN
        SELECT array_agg(u.stream_id ORDER BY u.n, u.version), array_agg(u.version ORDER BY u.n, u.version),
               array_agg(u.at ORDER BY u.n, u.version)
        INTO v_streams, v_versions, v_times
        FROM (SELECT a.n, a.stream_id, a.at, generate_series(a.expected + 1, a.version) AS version
              FROM unnest(p_streams, p_expected, p_versions, p_times) WITH ORDINALITY
                   AS a (stream_id, expected, version, at, n)) AS u;
    END IF;
    IF p_times IS NULL THEN
        INSERT INTO es_event
        SELECT p_lane, p_before + u.n, u.stream_id, u.version, u.event_id, u.name, u.day, p_at,
               u.meta, u.data, u.private, u.digest
        FROM (SELECT generate_series(1, cardinality(p_event_ids)) AS n, unnest(v_streams) AS stream_id,
                     unnest(v_versions) AS version, unnest(p_event_ids) AS event_id, unnest(p_names) AS name,
                     unnest(p_days) AS day, unnest(p_metas) AS meta, unnest(p_datas) AS data,
                     unnest(p_privates) AS private, unnest(p_digests) AS digest) AS u;
        RETURN;
    END IF;
    INSERT INTO es_event
    SELECT p_lane, p_before + row_number() OVER (), u.stream_id, u.version, u.event_id, u.name, u.day, u.at,
           u.meta, u.data, u.private, u.digest
    FROM (SELECT unnest(v_streams) AS stream_id, unnest(v_versions) AS version, unnest(v_times) AS at,
                 unnest(p_event_ids) AS event_id, unnest(p_names) AS name, unnest(p_days) AS day,
                 unnest(p_metas) AS meta, unnest(p_datas) AS data, unnest(p_privates) AS private,
                 unnest(p_digests) AS digest) AS u
    WHERE u.at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION es_write_events IS
    'writes the events of streams of one lane behind a position, all at p_at; or each at its stream''s time, where those '
    'of a stream without a time are left out';

-- p_named and p_reached are the streams and their new versions in the order the command names them, where that is not
-- the order of their lanes.
-- Every expression outside a statement costs PL/pgSQL a start in each transaction: hence so few of them on the way of
-- one stream, which most commands are.
CREATE FUNCTION es_append(
    p_lane smallint, p_command uuid, p_hash bytea, p_result bytea, p_at timestamptz,
    p_named uuid[], p_reached integer[],
    p_lanes smallint[], p_streams uuid[], p_categories text[], p_expected integer[], p_versions integer[],
    p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    p_claim_kinds text[], p_claim_keys uuid[], p_claim_holders uuid[], p_claim_from date[], p_claim_to date[],
    p_claim_take boolean[],
    p_index_kinds text[], p_index_versions smallint[], p_index_blinds bytea[], p_index_owners uuid[],
    p_index_acts smallint[],
    OUT o_positions bigint[], OUT o_recorded_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r          record;
    v_now      timestamptz := coalesce(p_at, clock_timestamp());
    v_last     timestamptz;
    v_times    timestamptz[];
    v_detail   text;
    v_position bigint;
    v_next     integer;
BEGIN
    -- First of all: whoever sends the same command at the same time waits here for the first to end.
    IF p_command IS NOT NULL THEN
        INSERT INTO es_command (lane, command_id, request_hash, streams, versions, result, recorded_at)
        VALUES (p_lane, p_command, p_hash, coalesce(p_named, p_streams), coalesce(p_reached, p_versions), p_result, v_now)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;

    IF cardinality(p_streams) = 1 THEN
        UPDATE es_stream s
        SET version = p_versions[1], state = p_states[1], last_recorded_at = greatest(v_now, s.last_recorded_at)
        WHERE s.lane = p_lane AND s.stream_id = p_streams[1] AND s.version = p_expected[1] AND s.state = 0
        RETURNING s.last_recorded_at INTO o_recorded_at;
        IF NOT FOUND THEN
            IF NOT es_begin(p_lane, p_streams[1], p_categories[1], p_expected[1], p_versions[1], p_states[1], v_now) THEN
                PERFORM es_refuse(p_lane, p_streams[1], p_expected[1]);
            END IF;
            o_recorded_at := v_now;
        END IF;
    ELSIF p_lanes[1] = p_lanes[cardinality(p_lanes)] THEN
        v_times := es_move_streams(p_lane, p_streams, p_categories, p_expected, p_versions, p_states, v_now);
        v_next := array_position(v_times, NULL);
        IF v_next IS NOT NULL THEN
            PERFORM es_refuse(p_lane, p_streams[v_next], p_expected[v_next]);
        END IF;
        SELECT max(u.at) INTO o_recorded_at FROM unnest(v_times) AS u (at);
    ELSE
        FOR r IN
            SELECT u.* FROM unnest(p_lanes, p_streams, p_categories, p_expected, p_versions, p_states)
                 AS u (lane, stream, category, expected, version, state)
            ORDER BY u.lane, u.expected <= 0, u.stream
        LOOP
            UPDATE es_stream s
            SET version = r.version, state = r.state, last_recorded_at = greatest(v_now, s.last_recorded_at)
            WHERE s.lane = r.lane AND s.stream_id = r.stream AND s.version = r.expected AND s.state = 0
            RETURNING s.last_recorded_at INTO v_last;
            IF FOUND THEN
                o_recorded_at := greatest(v_last, o_recorded_at);
            ELSIF NOT es_begin(r.lane, r.stream, r.category, r.expected, r.version, r.state, v_now) THEN
                PERFORM es_refuse(r.lane, r.stream, r.expected);
            END IF;
        END LOOP;
        o_recorded_at := greatest(v_now, o_recorded_at);
    END IF;
    IF o_recorded_at > v_now AND cardinality(p_streams) > 1 THEN
        -- The clock stood behind a stream's last event: all streams of the command get that later time.
        FOR r IN SELECT u.lane, array_agg(u.stream) AS streams
                 FROM unnest(p_lanes, p_streams) AS u (lane, stream) GROUP BY u.lane ORDER BY u.lane
        LOOP
            UPDATE es_stream SET last_recorded_at = o_recorded_at
            WHERE lane = r.lane AND stream_id = ANY (r.streams);
        END LOOP;
    END IF;

    IF p_claim_kinds IS NOT NULL THEN
        SELECT c.o_detail INTO v_detail FROM es_take_claims(
            NULL, NULL, p_claim_kinds, p_claim_keys, p_claim_holders, p_claim_from, p_claim_to, p_claim_take) AS c
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'HL005', MESSAGE = 'claim conflict', DETAIL = v_detail;
        END IF;
    END IF;
    IF p_index_kinds IS NOT NULL THEN
        SELECT c.o_detail INTO v_detail FROM es_change_index(
            NULL, NULL, p_index_kinds, p_index_versions, p_index_blinds, p_index_owners, p_index_acts) AS c
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'HL005', MESSAGE = 'claim conflict', DETAIL = v_detail;
        END IF;
    END IF;

    -- The head of a lane is held to commit: that is what makes positions dense and equal commit order.
    IF cardinality(p_event_ids) = 1 THEN
        UPDATE es_lane SET position = position + 1 WHERE lane = p_lane RETURNING ARRAY[position] INTO o_positions;
        INSERT INTO es_event VALUES (
            p_lane, o_positions[1], p_streams[1], p_versions[1], p_event_ids[1], p_names[1], p_days[1],
            o_recorded_at, p_metas[1], p_datas[1], p_privates[1], p_digests[1]);
    ELSIF cardinality(p_streams) = 1 THEN
        UPDATE es_lane SET position = position + p_versions[1] - p_expected[1] WHERE lane = p_lane
        RETURNING ARRAY[position] INTO o_positions;
        INSERT INTO es_event
        SELECT p_lane, o_positions[1] - p_versions[1] + p_expected[1] + u.n, p_streams[1], p_expected[1] + u.n,
               u.event_id, u.name, u.day, o_recorded_at, u.meta, u.data, u.private, u.digest
        FROM unnest(p_event_ids, p_names, p_days, p_metas, p_datas, p_privates, p_digests)
             WITH ORDINALITY AS u (event_id, name, day, meta, data, private, digest, n);
    ELSIF p_lanes[1] = p_lanes[cardinality(p_lanes)] THEN
        UPDATE es_lane SET position = position + cardinality(p_event_ids) WHERE lane = p_lane
        RETURNING position - cardinality(p_event_ids) INTO v_position;
        PERFORM es_write_events(
            p_lane, v_position, p_streams, p_expected, p_versions, NULL, o_recorded_at,
            p_event_ids, p_names, p_days, p_metas, p_datas, p_privates, p_digests);
        SELECT array_agg(v_position + a.reached ORDER BY a.n) INTO o_positions
        FROM (SELECT u.n, sum(u.version - u.expected) OVER (ORDER BY u.n) AS reached
              FROM unnest(p_expected, p_versions) WITH ORDINALITY AS u (expected, version, n)) AS a;
    ELSE
        v_next := 1;
        FOR n IN 1 .. cardinality(p_streams) LOOP
            UPDATE es_lane SET position = position + p_versions[n] - p_expected[n] WHERE lane = p_lanes[n]
            RETURNING position INTO v_position;
            o_positions[n] := v_position;
            FOR v_version IN p_expected[n] + 1 .. p_versions[n] LOOP
                INSERT INTO es_event VALUES (
                    p_lanes[n], v_position - p_versions[n] + v_version, p_streams[n], v_version, p_event_ids[v_next],
                    p_names[v_next], p_days[v_next], o_recorded_at, p_metas[v_next], p_datas[v_next],
                    p_privates[v_next], p_digests[v_next]);
                v_next := v_next + 1;
            END LOOP;
        END LOOP;
    END IF;
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
    END IF;
END
$$;
COMMENT ON FUNCTION es_append IS
    'one command: events for one stream or several of any lanes, claims, changes of the index, all or nothing; nothing '
    'is answered when it was carried out before: ask es_answer';

CREATE FUNCTION es_append_many(
    p_at timestamptz, p_lanes smallint[], p_commands uuid[], p_hashes bytea[],
    p_streams uuid[], p_categories text[], p_expected integer[], p_versions integer[], p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    p_claim_of integer[], p_claim_kinds text[], p_claim_keys uuid[], p_claim_holders uuid[],
    p_claim_from date[], p_claim_to date[], p_claim_take boolean[],
    p_index_of integer[], p_index_kinds text[], p_index_versions smallint[], p_index_blinds bytea[],
    p_index_owners uuid[], p_index_acts smallint[],
    OUT o_positions bigint[], OUT o_recorded_at timestamptz[], OUT o_codes text[], OUT o_details text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r          record;
    v_now      timestamptz := coalesce(p_at, clock_timestamp());
    v_count    integer := cardinality(p_commands);
    v_taken    uuid[];
    v_left     integer[];  -- the version expected of each stream; NULL for a command that is left out
    v_code     text;
    v_detail   text;
    v_at       timestamptz;
    v_clash    boolean;
    v_total    bigint;
    v_position bigint;
    v_next     integer;
BEGIN
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
    END IF;
    o_codes := array_fill(NULL::text, ARRAY[v_count]);
    o_details := o_codes;
    -- Everything is written together; when some commands clash, nothing of it stays, and all goes again without those.
    LOOP
        BEGIN
            v_clash := false;
            WITH taken AS (
                INSERT INTO es_command (lane, command_id, request_hash, streams, versions, recorded_at)
                SELECT u.lane, u.command, u.hash, ARRAY[u.stream], ARRAY[u.version], v_now
                FROM unnest(p_lanes, p_commands, p_hashes, p_streams, p_versions, o_codes)
                     AS u (lane, command, hash, stream, version, code)
                WHERE u.code IS NULL ORDER BY u.lane, u.command
                ON CONFLICT DO NOTHING
                RETURNING command_id
            )
            SELECT array_agg(t.command_id) INTO v_taken FROM taken t;
            v_left := p_expected;
            IF cardinality(v_taken) IS DISTINCT FROM v_count THEN
                SELECT array_agg(CASE WHEN u.command = ANY (v_taken) THEN u.expected END ORDER BY u.n) INTO v_left
                FROM unnest(p_commands, p_expected) WITH ORDINALITY AS u (command, expected, n);
            END IF;

            o_recorded_at := NULL;
            IF v_count > 1 AND p_lanes[1] = p_lanes[v_count] THEN
                o_recorded_at := es_move_streams(
                    p_lanes[1], p_streams, p_categories, v_left, p_versions, p_states, v_now);
            ELSE
                FOR n IN 1 .. v_count LOOP
                    UPDATE es_stream s
                    SET version = p_versions[n], state = p_states[n],
                        last_recorded_at = greatest(v_now, s.last_recorded_at)
                    WHERE s.lane = p_lanes[n] AND s.stream_id = p_streams[n] AND s.version = v_left[n] AND s.state = 0
                    RETURNING s.last_recorded_at INTO v_at;
                    IF NOT FOUND AND es_begin(p_lanes[n], p_streams[n], p_categories[n], v_left[n], p_versions[n],
                                              p_states[n], v_now) THEN
                        v_at := v_now;
                    END IF;
                    o_recorded_at[n] := v_at;
                END LOOP;
            END IF;
            IF array_position(o_recorded_at, NULL) IS NOT NULL THEN
                FOR r IN
                    SELECT u.n, u.lane, u.stream, u.expected
                    FROM unnest(p_lanes, p_streams, v_left, o_recorded_at) WITH ORDINALITY
                         AS u (lane, stream, expected, at, n)
                    WHERE u.expected IS NOT NULL AND u.at IS NULL
                LOOP
                    v_clash := true;
                    v_left[r.n] := NULL;
                    SELECT w.o_code, w.o_detail INTO v_code, v_detail
                    FROM es_why_not(r.lane, r.stream, r.expected) AS w;
                    o_codes[r.n] := v_code;
                    o_details[r.n] := v_detail;
                END LOOP;
            END IF;

            IF p_claim_of IS NOT NULL THEN
                FOR r IN SELECT c.* FROM es_take_claims(
                    p_claim_of, v_left, p_claim_kinds, p_claim_keys, p_claim_holders, p_claim_from, p_claim_to,
                    p_claim_take) AS c
                LOOP
                    v_clash := true;
                    v_left[r.o_of] := NULL;
                    o_codes[r.o_of] := 'HL005';
                    o_details[r.o_of] := r.o_detail;
                END LOOP;
            END IF;
            IF p_index_of IS NOT NULL THEN
                FOR r IN SELECT c.* FROM es_change_index(
                    p_index_of, v_left, p_index_kinds, p_index_versions, p_index_blinds, p_index_owners,
                    p_index_acts) AS c
                LOOP
                    v_clash := true;
                    v_left[r.o_of] := NULL;
                    o_codes[r.o_of] := 'HL005';
                    o_details[r.o_of] := r.o_detail;
                END LOOP;
            END IF;
            IF v_clash THEN
                RAISE EXCEPTION USING ERRCODE = 'HL900', MESSAGE = 'once more, without those that clash';
            END IF;

            IF v_count > 1 AND p_lanes[1] = p_lanes[v_count] THEN
                SELECT array_agg(CASE WHEN a.left IS NOT NULL THEN a.reached END ORDER BY a.n), max(a.reached)
                INTO o_positions, v_total
                FROM (SELECT u.n, u.left, sum(u.version - u.left) OVER (ORDER BY u.n) AS reached
                      FROM unnest(v_left, p_versions) WITH ORDINALITY AS u ("left", version, n)) AS a;
                IF v_total > 0 THEN
                    UPDATE es_lane SET position = position + v_total WHERE lane = p_lanes[1]
                    RETURNING position - v_total INTO v_position;
                    PERFORM es_write_events(
                        p_lanes[1], v_position, p_streams, p_expected, p_versions, o_recorded_at, NULL,
                        p_event_ids, p_names, p_days, p_metas, p_datas, p_privates, p_digests);
                    SELECT array_agg(v_position + u.reached ORDER BY u.n) INTO o_positions
                    FROM unnest(o_positions) WITH ORDINALITY AS u (reached, n);
                END IF;
            ELSE
                o_positions := array_fill(NULL::bigint, ARRAY[v_count]);
                v_next := 1;
                FOR n IN 1 .. v_count LOOP
                    IF v_left[n] IS NULL THEN
                        v_next := v_next + p_versions[n] - p_expected[n];
                    ELSE
                        UPDATE es_lane SET position = position + p_versions[n] - p_expected[n] WHERE lane = p_lanes[n]
                        RETURNING position INTO v_position;
                        o_positions[n] := v_position;
                        FOR v_version IN p_expected[n] + 1 .. p_versions[n] LOOP
                            INSERT INTO es_event VALUES (
                                p_lanes[n], v_position - p_versions[n] + v_version, p_streams[n], v_version,
                                p_event_ids[v_next], p_names[v_next], p_days[v_next], o_recorded_at[n],
                                p_metas[v_next], p_datas[v_next], p_privates[v_next], p_digests[v_next]);
                            v_next := v_next + 1;
                        END LOOP;
                    END IF;
                END LOOP;
            END IF;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'HL900' THEN
            NULL;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION es_append_many IS
    'many commands of any lanes, each of one stream and by itself; what clashes is left out with its code, what was '
    'carried out before has neither a position nor a code: ask es_answer';

CREATE FUNCTION es_answer(
    p_lane smallint, p_command uuid,
    OUT o_hash bytea, OUT o_streams uuid[], OUT o_versions integer[], OUT o_positions bigint[],
    OUT o_recorded_at timestamptz, OUT o_result bytea)
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_position bigint;
    v_at       timestamptz;
BEGIN
    SELECT c.request_hash, c.streams, c.versions, c.result, c.recorded_at
    INTO o_hash, o_streams, o_versions, o_result, o_recorded_at
    FROM es_command c WHERE c.lane = p_lane AND c.command_id = p_command;
    -- By stream, because each may lie on another server.
    FOR n IN 1 .. coalesce(cardinality(o_streams), 0) LOOP
        SELECT e.position, e.recorded_at INTO v_position, v_at FROM es_event e
        WHERE e.lane = get_byte(uuid_send(o_streams[n]), 15) AND e.stream_id = o_streams[n]
          AND e.version = o_versions[n];
        o_positions := array_append(o_positions, coalesce(v_position, 0));
        o_recorded_at := coalesce(v_at, o_recorded_at);
    END LOOP;
END
$$;
COMMENT ON FUNCTION es_answer IS 'what a command was answered first, and the hash of what it asked; NULLs for an unknown one';

-- Only the owner of the store says that it is a trial, and only before its first event.
CREATE FUNCTION es_make_trial() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM es_lane WHERE position > 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'HL008', MESSAGE = 'the store has events already';
    END IF;
    UPDATE es_meta SET trial = true;
END
$$;

CREATE FUNCTION es_erase_stream(p_lane smallint, p_stream uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    UPDATE es_stream SET state = 2 WHERE lane = p_lane AND stream_id = p_stream;
END
$$;
COMMENT ON FUNCTION es_erase_stream IS 'marks a stream erased: it can be read, never written';

REVOKE ALL ON FUNCTION
    es_must_be_trial, es_why_not, es_refuse, es_begin, es_move_streams, es_take_claims, es_change_index,
    es_write_events, es_append, es_append_many, es_answer, es_make_trial, es_erase_stream FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append, es_append_many, es_answer, es_erase_stream TO hulian_app;
