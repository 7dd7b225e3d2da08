-- The bulk append anew, about twice as fast: streams are grown in one pass and not locked in another before, what is
-- stored is taken from the arrays side by side, and the caller works out its report by itself.

SET LOCAL ROLE hulian_owner;

DROP FUNCTION es_append_bulk;

-- The settings hold the plans to one shape: every stream of the call, in order, looked up by its key. Locks are so
-- taken in the order everybody takes them, and a plan made while tables were small does not hurt when they are not.
CREATE FUNCTION es_append_bulk(
    p_lane smallint, p_command uuid, p_hash bytea, p_result bytea, p_at timestamptz, p_strict boolean,
    p_streams uuid[], p_categories text[], p_expected integer[], p_counts integer[], p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    OUT o_repeated boolean, OUT o_before bigint, OUT o_recorded_at timestamptz, OUT o_moved uuid[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET enable_material = off
AS $$
DECLARE
    v_now      timestamptz := clock_timestamp();
    v_count    integer := cardinality(p_streams);
    v_total    integer := cardinality(p_event_ids);
    v_streams  uuid[];
    v_versions integer[];
    v_written  integer[];
    v_begun    integer[];
    v_times    timestamptz[];
    v_earliest timestamptz;
    v_plain    boolean;
BEGIN
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
        v_now := p_at;
    END IF;
    SELECT array_agg(u.expected + u.count) INTO v_versions
    FROM (SELECT unnest(p_expected) AS expected, unnest(p_counts) AS count) AS u;
    -- As if nobody had moved: put right below when somebody has.
    INSERT INTO es_command (lane, command_id, request_hash, streams, versions, moved, result, recorded_at)
    VALUES (p_lane, p_command, p_hash, p_streams, v_versions, '{}', p_result, v_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        o_repeated := true;
        RETURN;
    END IF;
    o_repeated := false;
    o_moved := '{}';

    WITH grown AS (
        UPDATE es_stream s
        SET version = w.expected + w.count, state = w.state, last_recorded_at = greatest(v_now, s.last_recorded_at)
        FROM (SELECT u.*, row_number() OVER ()::integer AS n
              FROM (SELECT unnest(p_streams) AS stream_id, unnest(p_expected) AS expected, unnest(p_counts) AS count,
                           unnest(p_states) AS state) AS u
              ORDER BY u.stream_id) AS w
        WHERE s.lane = p_lane AND s.stream_id = w.stream_id AND s.version = w.expected AND s.state = 0
          AND w.expected > 0
        RETURNING w.n, s.last_recorded_at
    )
    SELECT array_agg(g.n), array_agg(g.last_recorded_at), min(g.last_recorded_at), max(g.last_recorded_at)
    INTO v_written, v_times, v_earliest, o_recorded_at FROM grown g;
    IF 0 >= ANY (p_expected) THEN
        WITH begun AS (
            INSERT INTO es_stream (lane, stream_id, category, version, state, last_recorded_at)
            SELECT p_lane, u.stream_id, u.category, u.expected + u.count, u.state, v_now
            FROM (SELECT unnest(p_streams) AS stream_id, unnest(p_categories) AS category,
                         unnest(p_expected) AS expected, unnest(p_counts) AS count, unnest(p_states) AS state) AS u
            WHERE u.expected <= 0 ORDER BY u.stream_id
            ON CONFLICT DO NOTHING
            RETURNING stream_id
        )
        SELECT array_agg(array_position(p_streams, b.stream_id)) INTO v_begun FROM begun b;
        v_written := v_written || v_begun;
        v_times := v_times || array_fill(v_now, ARRAY[coalesce(cardinality(v_begun), 0)]);
        v_earliest := least(v_earliest, v_now);
        o_recorded_at := greatest(o_recorded_at, v_now);
    END IF;

    v_plain := coalesce(cardinality(v_written), 0) = v_count AND v_earliest = o_recorded_at AND 1 = ALL (p_counts);
    IF NOT v_plain THEN
        IF v_count <> (SELECT count(DISTINCT u.s) FROM unnest(p_streams) AS u (s)) THEN
            RAISE EXCEPTION USING ERRCODE = 'HL007', MESSAGE = 'bad call',
                DETAIL = json_build_object('why', 'a stream twice in one call')::text;
        END IF;
        -- By stream, the time of recording; none for whom is left out.
        SELECT array_agg(a.at ORDER BY a.n) INTO v_times
        FROM (SELECT u.n, max(u.at) AS at
              FROM (SELECT unnest(v_written) AS n, unnest(v_times) AS at
                    UNION ALL SELECT generate_series(1, v_count), NULL) AS u
              GROUP BY u.n) AS a;
        SELECT array_agg(u.stream_id ORDER BY u.n) INTO o_moved
        FROM unnest(p_streams, v_times) WITH ORDINALITY AS u (stream_id, at, n) WHERE u.at IS NULL;
        o_moved := coalesce(o_moved, '{}');
        IF cardinality(o_moved) > 0 THEN
            IF p_strict THEN
                PERFORM es_refuse(p_lane, o_moved[1], p_expected[array_position(p_streams, o_moved[1])]);
            END IF;
            UPDATE es_command SET moved = o_moved,
                streams = (SELECT coalesce(array_agg(u.stream_id ORDER BY u.n), '{}')
                           FROM unnest(p_streams, v_times) WITH ORDINALITY AS u (stream_id, at, n)
                           WHERE u.at IS NOT NULL),
                versions = (SELECT coalesce(array_agg(u.version ORDER BY u.n), '{}')
                            FROM unnest(v_versions, v_times) WITH ORDINALITY AS u (version, at, n)
                            WHERE u.at IS NOT NULL)
            WHERE lane = p_lane AND command_id = p_command;
        END IF;
        -- The same by event.
        SELECT array_agg(u.stream_id ORDER BY u.n, u.version), array_agg(u.version ORDER BY u.n, u.version),
               array_agg(u.at ORDER BY u.n, u.version), count(u.at)
        INTO v_streams, v_versions, v_times, v_total
        FROM (SELECT a.n, a.stream_id, a.at, a.expected + generate_series(1, a.count) AS version
              FROM unnest(p_streams, p_expected, p_counts, v_times) WITH ORDINALITY
                   AS a (stream_id, expected, count, at, n)) AS u;
    END IF;
    o_recorded_at := coalesce(o_recorded_at, v_now);

    -- The head is held to commit: that is what makes positions dense and equal commit order.
    UPDATE es_lane SET position = position + v_total WHERE lane = p_lane RETURNING position - v_total INTO o_before;
    IF v_plain THEN
        -- One event for each stream, all at one time.
        INSERT INTO es_event
        SELECT p_lane, o_before + u.n, u.stream_id, u.version, u.event_id, u.name, u.day, o_recorded_at,
               u.meta, u.data, u.private, u.digest
        FROM (SELECT generate_series(1, v_total) AS n, unnest(p_streams) AS stream_id, unnest(v_versions) AS version,
                     unnest(p_event_ids) AS event_id, unnest(p_names) AS name, unnest(p_days) AS day,
                     unnest(p_metas) AS meta, unnest(p_datas) AS data, unnest(p_privates) AS private,
                     unnest(p_digests) AS digest) AS u;
    ELSE
        INSERT INTO es_event
        SELECT p_lane, o_before + row_number() OVER (), u.stream_id, u.version, u.event_id, u.name, u.day, u.at,
               u.meta, u.data, u.private, u.digest
        FROM (SELECT unnest(v_streams) AS stream_id, unnest(v_versions) AS version, unnest(v_times) AS at,
                     unnest(p_event_ids) AS event_id, unnest(p_names) AS name, unnest(p_days) AS day,
                     unnest(p_metas) AS meta, unnest(p_datas) AS data, unnest(p_privates) AS private,
                     unnest(p_digests) AS digest) AS u
        WHERE u.at IS NOT NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION es_append_bulk IS
    'appends to many streams of one lane; those whose version moved are reported, or refuse the whole when strict';

REVOKE ALL ON FUNCTION es_append_bulk FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append_bulk TO hulian_app;

-- Many commands in one statement: the same, and who is asked for was there before is looked up by key alone.
CREATE OR REPLACE FUNCTION es_append_each(
    p_lane smallint, p_at timestamptz,
    p_commands uuid[], p_hashes bytea[],
    p_streams uuid[], p_categories text[], p_expected integer[], p_counts integer[], p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    p_claim_of integer[], p_claim_kinds text[], p_claim_keys uuid[], p_claim_holders uuid[],
    p_claim_from date[], p_claim_to date[], p_claim_take boolean[],
    p_index_of integer[], p_index_kinds text[], p_index_versions smallint[], p_index_blinds bytea[],
    p_index_owners uuid[],
    OUT o_repeated boolean[], OUT o_versions integer[], OUT o_positions bigint[], OUT o_recorded_at timestamptz[],
    OUT o_codes text[], OUT o_details text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    r          record;
    v_now      timestamptz := clock_timestamp();
    v_count    integer := cardinality(p_commands);
    v_taken    uuid[];
    v_fresh    boolean[];
    v_total    bigint;
    v_streams  uuid[];
    v_versions integer[];
    v_times    timestamptz[];
    v_position bigint;
    v_holder   uuid;
    v_clash    boolean;
BEGIN
    IF p_at IS NOT NULL THEN
        PERFORM es_must_be_trial();
        v_now := p_at;
    END IF;
    IF v_count <> (SELECT count(DISTINCT u.s) FROM unnest(p_streams) AS u (s))
       OR v_count <> (SELECT count(DISTINCT u.c) FROM unnest(p_commands) AS u (c)) THEN
        RAISE EXCEPTION USING ERRCODE = 'HL007', MESSAGE = 'bad call',
            DETAIL = json_build_object('why', 'a stream or a command twice in one call')::text;
    END IF;
    o_repeated := array_fill(false, ARRAY[v_count]);
    o_versions := array_fill(0, ARRAY[v_count]);
    o_positions := array_fill(0::bigint, ARRAY[v_count]);
    o_codes := array_fill(NULL::text, ARRAY[v_count]);
    o_details := array_fill(NULL::text, ARRAY[v_count]);

    -- Written all together; when some clash, nothing of it stays, and all goes again without those.
    LOOP
        BEGIN
            v_clash := false;
            WITH taken AS (
                INSERT INTO es_command (lane, command_id, request_hash, streams, versions, recorded_at)
                SELECT p_lane, u.command, u.hash, ARRAY[u.stream], ARRAY[u.expected + u.count], v_now
                FROM unnest(p_commands, p_hashes, p_streams, p_expected, p_counts, o_codes)
                     AS u (command, hash, stream, expected, count, code)
                WHERE u.code IS NULL ORDER BY u.command
                ON CONFLICT DO NOTHING
                RETURNING command_id
            )
            SELECT coalesce(array_agg(t.command_id), '{}') INTO v_taken FROM taken t;
            SELECT array_agg(u.code IS NULL ORDER BY u.n), count(*) FILTER (WHERE u.code IS NULL)
            INTO v_fresh, v_total
            FROM unnest(o_codes) WITH ORDINALITY AS u (code, n);
            IF cardinality(v_taken) <> v_total THEN
                SELECT array_agg(u.command = ANY (v_taken) ORDER BY u.n) INTO v_fresh
                FROM unnest(p_commands) WITH ORDINALITY AS u (command, n);
            END IF;

            PERFORM FROM es_stream WHERE lane = p_lane AND stream_id = ANY (p_streams) ORDER BY stream_id FOR UPDATE;
            WITH wanted AS (
                SELECT u.* FROM unnest(p_streams, p_categories, p_expected, p_counts, p_states) WITH ORDINALITY
                         AS u (stream_id, category, expected, count, state, n)
                WHERE v_fresh[u.n]
            ), grown AS (
                UPDATE es_stream s
                SET version = w.expected + w.count, state = w.state,
                    last_recorded_at = greatest(v_now, s.last_recorded_at)
                FROM wanted w
                WHERE s.lane = p_lane AND s.stream_id = w.stream_id AND s.version = w.expected AND s.state = 0
                  AND w.expected > 0
                RETURNING w.n, s.last_recorded_at
            ), begun AS (
                INSERT INTO es_stream (lane, stream_id, category, version, state, last_recorded_at)
                SELECT p_lane, w.stream_id, w.category, w.expected + w.count, w.state, v_now
                FROM wanted w WHERE w.expected <= 0 ORDER BY w.stream_id
                ON CONFLICT DO NOTHING
                RETURNING stream_id, last_recorded_at
            ), written AS (
                SELECT n, last_recorded_at FROM grown
                UNION ALL SELECT array_position(p_streams, stream_id), last_recorded_at FROM begun
                UNION ALL SELECT generate_series(1, v_count), NULL
            )
            SELECT array_agg(a.at ORDER BY a.n) INTO o_recorded_at
            FROM (SELECT t.n, max(t.last_recorded_at) AS at FROM written t GROUP BY t.n) AS a;

            FOR r IN
                SELECT u.n, u.stream_id, u.expected, s.version, s.state
                FROM unnest(p_streams, p_expected, o_recorded_at) WITH ORDINALITY
                     AS u (stream_id, expected, recorded_at, n)
                LEFT JOIN es_stream s ON s.lane = p_lane AND s.stream_id = u.stream_id
                WHERE v_fresh[u.n] AND u.recorded_at IS NULL
            LOOP
                v_clash := true;
                o_codes[r.n] := CASE r.state WHEN 1 THEN 'HL002' WHEN 2 THEN 'HL003' ELSE 'HL001' END;
                o_details[r.n] := json_build_object(
                    'stream', r.stream_id, 'expected', r.expected, 'current', r.version)::text;
            END LOOP;

            FOR r IN
                SELECT get_byte(uuid_send(u.key), 15)::smallint AS lane, u.*
                FROM unnest(p_claim_of, p_claim_kinds, p_claim_keys, p_claim_holders, p_claim_from, p_claim_to,
                            p_claim_take) AS u (n, kind, key, holder, valid_from, valid_to, take)
                WHERE v_fresh[u.n]
                ORDER BY 1, u.kind, u.key, u.take
            LOOP
                CONTINUE WHEN o_codes[r.n] IS NOT NULL;
                IF r.take THEN
                    INSERT INTO es_claim AS c (lane, kind, key, holder, valid_from, valid_to)
                    VALUES (r.lane, r.kind, r.key, r.holder, r.valid_from, r.valid_to)
                    ON CONFLICT (lane, kind, key) DO UPDATE
                    SET holder = excluded.holder, valid_from = excluded.valid_from, valid_to = excluded.valid_to
                    WHERE c.holder = excluded.holder OR c.valid_to <= excluded.valid_from;
                    IF NOT FOUND THEN
                        v_clash := true;
                        SELECT holder INTO v_holder FROM es_claim
                        WHERE lane = r.lane AND kind = r.kind AND key = r.key;
                        o_codes[r.n] := 'HL005';
                        o_details[r.n] := json_build_object('kind', r.kind, 'key', r.key, 'holder', v_holder)::text;
                    END IF;
                ELSIF r.valid_to IS NULL THEN
                    DELETE FROM es_claim
                    WHERE lane = r.lane AND kind = r.kind AND key = r.key AND holder = r.holder;
                ELSE
                    UPDATE es_claim SET valid_to = r.valid_to
                    WHERE lane = r.lane AND kind = r.kind AND key = r.key AND holder = r.holder;
                END IF;
            END LOOP;

            INSERT INTO es_index (lane, kind, key_version, blind, owner)
            SELECT get_byte(u.blind, octet_length(u.blind) - 1)::smallint, u.kind, u.key_version, u.blind, u.owner
            FROM unnest(p_index_of, p_index_kinds, p_index_versions, p_index_blinds, p_index_owners)
                 AS u (n, kind, key_version, blind, owner)
            WHERE v_fresh[u.n]
            ORDER BY 1, u.kind, u.key_version, u.blind, u.owner
            ON CONFLICT DO NOTHING;
            FOR r IN
                SELECT u.n, i.owner
                FROM unnest(p_index_of, p_index_kinds, p_index_versions, p_index_blinds, p_index_owners)
                     AS u (n, kind, key_version, blind, owner)
                JOIN es_index i ON i.lane = get_byte(u.blind, octet_length(u.blind) - 1) AND i.kind = 'id-number'
                               AND i.key_version = u.key_version AND i.blind = u.blind
                WHERE u.kind = 'id-number' AND i.owner <> u.owner AND v_fresh[u.n]
            LOOP
                CONTINUE WHEN o_codes[r.n] IS NOT NULL;
                v_clash := true;
                o_codes[r.n] := 'HL005';
                o_details[r.n] := json_build_object('kind', 'identity', 'holder', r.owner)::text;
            END LOOP;
            IF v_clash THEN
                RAISE EXCEPTION USING ERRCODE = 'HL900', MESSAGE = 'once more, without those that clash';
            END IF;

            SELECT coalesce(sum(u.count), 0) INTO v_total
            FROM unnest(p_counts, v_fresh) AS u (count, fresh) WHERE u.fresh;
            IF v_total > 0 THEN
                UPDATE es_lane SET position = position + v_total WHERE lane = p_lane
                RETURNING position - v_total INTO v_position;
                -- Stream, version and time of every event; no time: left out.
                SELECT array_agg(u.stream_id ORDER BY u.n, u.version), array_agg(u.version ORDER BY u.n, u.version),
                       array_agg(u.at ORDER BY u.n, u.version)
                INTO v_streams, v_versions, v_times
                FROM (SELECT a.n, a.stream_id, a.at, a.expected + generate_series(1, a.count) AS version
                      FROM unnest(p_streams, p_expected, p_counts, o_recorded_at) WITH ORDINALITY
                           AS a (stream_id, expected, count, at, n)) AS u;
                INSERT INTO es_event
                SELECT p_lane, v_position + row_number() OVER (), u.stream_id, u.version, u.event_id, u.name, u.day,
                       u.at, u.meta, u.data, u.private, u.digest
                FROM (SELECT unnest(v_streams) AS stream_id, unnest(v_versions) AS version, unnest(v_times) AS at,
                             unnest(p_event_ids) AS event_id, unnest(p_names) AS name, unnest(p_days) AS day,
                             unnest(p_metas) AS meta, unnest(p_datas) AS data, unnest(p_privates) AS private,
                             unnest(p_digests) AS digest) AS u
                WHERE u.at IS NOT NULL;
                SELECT array_agg(CASE WHEN a.fresh THEN a.expected + a.count ELSE 0 END ORDER BY a.n),
                       array_agg(CASE WHEN a.fresh THEN v_position + a.upto ELSE 0 END ORDER BY a.n)
                INTO o_versions, o_positions
                FROM (SELECT u.*, sum(u.count) FILTER (WHERE u.fresh) OVER (ORDER BY u.n) AS upto
                      FROM unnest(p_expected, p_counts, v_fresh) WITH ORDINALITY AS u (expected, count, fresh, n)) AS a;
            END IF;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'HL900' THEN
            NULL;
        END;
    END LOOP;

    IF true = ALL (v_fresh) THEN
        RETURN;
    END IF;
    -- What was carried out before gets its first answer.
    FOR r IN
        SELECT u.n, c.version, c.request_hash = u.hash AS same, e.position,
               coalesce(e.recorded_at, c.recorded_at) AS recorded_at
        FROM unnest(p_commands, p_hashes, p_streams, v_fresh, o_codes) WITH ORDINALITY
             AS u (command, hash, stream, fresh, code, n)
        CROSS JOIN LATERAL (
            SELECT k.request_hash, k.recorded_at, k.versions[array_position(k.streams, u.stream)] AS version
            FROM es_command k WHERE k.lane = p_lane AND k.command_id = u.command OFFSET 0
        ) AS c
        LEFT JOIN LATERAL (
            SELECT f.position, f.recorded_at FROM es_event f
            WHERE f.lane = p_lane AND f.stream_id = u.stream AND f.version = c.version OFFSET 0
        ) AS e ON true
        WHERE u.code IS NULL AND NOT u.fresh
    LOOP
        IF r.same AND r.version IS NOT NULL THEN
            o_repeated[r.n] := true;
            o_versions[r.n] := r.version;
            o_positions[r.n] := coalesce(r.position, 0);
            o_recorded_at[r.n] := r.recorded_at;
        ELSE
            o_codes[r.n] := 'HL004';
            o_details[r.n] := json_build_object('command', p_commands[r.n])::text;
        END IF;
    END LOOP;
END
$$;

RESET ROLE;
