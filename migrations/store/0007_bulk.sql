-- Many commands of one lane in one call, each a command of its own with its own stream, claims and index
-- entries. What one of them cannot have leaves it out, with the reason; the others go on.
-- Locks are taken in the order everybody takes them: command rows, streams there are, new streams, claims,
-- index entries, lanes; each sorted. Claims and index entries lie in lanes of their own, only their rows are held.

SET LOCAL ROLE hulian_owner;

CREATE FUNCTION es_append_each(
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
AS $$
DECLARE
    r          record;
    v_now      timestamptz := clock_timestamp();
    v_count    integer := cardinality(p_commands);
    v_fresh    integer[];
    v_total    bigint;
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
            SELECT array_agg(u.n::integer ORDER BY u.n) INTO v_fresh
            FROM unnest(p_commands) WITH ORDINALITY AS u (command, n) JOIN taken t ON t.command_id = u.command;
            v_fresh := coalesce(v_fresh, '{}');

            PERFORM FROM es_stream WHERE lane = p_lane AND stream_id = ANY (p_streams) ORDER BY stream_id FOR UPDATE;
            WITH wanted AS (
                SELECT u.* FROM unnest(p_streams, p_categories, p_expected, p_counts, p_states) WITH ORDINALITY
                         AS u (stream_id, category, expected, count, state, n)
                WHERE u.n = ANY (v_fresh)
            ), grown AS (
                UPDATE es_stream s
                SET version = w.expected + w.count, state = w.state,
                    last_recorded_at = greatest(v_now, s.last_recorded_at)
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
            SELECT array_agg(t.last_recorded_at ORDER BY u.n) INTO o_recorded_at
            FROM unnest(p_streams) WITH ORDINALITY AS u (stream_id, n) LEFT JOIN written t USING (stream_id);

            FOR r IN
                SELECT u.n, u.stream_id, u.expected, s.version, s.state
                FROM unnest(p_streams, p_expected, o_recorded_at) WITH ORDINALITY
                     AS u (stream_id, expected, recorded_at, n)
                LEFT JOIN es_stream s ON s.lane = p_lane AND s.stream_id = u.stream_id
                WHERE u.n = ANY (v_fresh) AND u.recorded_at IS NULL
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
                WHERE u.n = ANY (v_fresh)
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
            WHERE u.n = ANY (v_fresh)
            ORDER BY 1, u.kind, u.key_version, u.blind, u.owner
            ON CONFLICT DO NOTHING;
            FOR r IN
                SELECT u.n, i.owner
                FROM unnest(p_index_of, p_index_kinds, p_index_versions, p_index_blinds, p_index_owners)
                     AS u (n, kind, key_version, blind, owner)
                JOIN es_index i ON i.lane = get_byte(u.blind, octet_length(u.blind) - 1) AND i.kind = 'id-number'
                               AND i.key_version = u.key_version AND i.blind = u.blind
                WHERE u.kind = 'id-number' AND i.owner <> u.owner AND u.n = ANY (v_fresh)
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
            FROM unnest(p_counts) WITH ORDINALITY AS u (count, n) WHERE u.n = ANY (v_fresh);
            IF v_total > 0 THEN
                UPDATE es_lane SET position = position + v_total WHERE lane = p_lane
                RETURNING position - v_total INTO v_position;
                INSERT INTO es_event
                SELECT p_lane, v_position + row_number() OVER (ORDER BY u.n), w.stream_id,
                       w.expected + (u.n - w.skipped), u.event_id, u.name, u.day, w.recorded_at,
                       u.meta, u.data, u.private, u.digest
                FROM (SELECT a.stream_id, a.expected, a.count, a.recorded_at,
                             sum(a.count) OVER (ORDER BY a.n) - a.count AS skipped
                      FROM unnest(p_streams, p_expected, p_counts, o_recorded_at) WITH ORDINALITY
                           AS a (stream_id, expected, count, recorded_at, n)) AS w
                CROSS JOIN LATERAL generate_series(w.skipped + 1, w.skipped + w.count) AS g (n)
                JOIN unnest(p_event_ids, p_names, p_days, p_metas, p_datas, p_privates, p_digests)
                     WITH ORDINALITY AS u (event_id, name, day, meta, data, private, digest, n) ON u.n = g.n
                WHERE w.recorded_at IS NOT NULL;
            END IF;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'HL900' THEN
            NULL;
        END;
    END LOOP;

    FOR r IN
        SELECT u.n, u.n = ANY (v_fresh) AS fresh, a.version, a.stream_id, c.request_hash = u.hash AS same,
               e.position, coalesce(e.recorded_at, c.recorded_at) AS recorded_at
        FROM unnest(p_commands, p_hashes, p_streams) WITH ORDINALITY AS u (command, hash, stream, n)
        JOIN es_command c ON c.lane = p_lane AND c.command_id = u.command
        LEFT JOIN LATERAL unnest(c.streams, c.versions) AS a (stream_id, version) ON a.stream_id = u.stream
        LEFT JOIN es_event e ON e.lane = p_lane AND e.stream_id = a.stream_id AND e.version = a.version
        WHERE o_codes[u.n] IS NULL
    LOOP
        IF r.same AND r.stream_id IS NOT NULL THEN
            o_repeated[r.n] := NOT r.fresh;
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
COMMENT ON FUNCTION es_append_each IS
    'many commands of one lane, each its own, with claims and index; who clashes is left out and told why';

REVOKE ALL ON FUNCTION es_append_each FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append_each TO hulian_app;

RESET ROLE;
