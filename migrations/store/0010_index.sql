-- Index entries released with the append: a corrected ID number is free for whoever it belongs to.
-- The append of before, without acts, stays for programs of before. Locks are taken in the same one order: index
-- entries after claims and before lanes, sorted, whatever is done with them.
-- And a claim that was over before the one there is says so: of a key only the latest is kept, so that nobody can
-- tell whether it overlaps with one of before.

SET LOCAL ROLE hulian_owner;

CREATE OR REPLACE FUNCTION es_take_claims(
    p_kinds text[], p_keys uuid[], p_holders uuid[], p_from date[], p_to date[], p_take boolean[])
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r record;
    v_holder uuid;
    v_from   date;
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
                SELECT holder, valid_from INTO v_holder, v_from FROM es_claim
                WHERE lane = r.lane AND kind = r.kind AND key = r.key;
                RAISE EXCEPTION USING ERRCODE = 'HL005', MESSAGE = 'claim conflict',
                    DETAIL = json_build_object('kind', r.kind, 'key', r.key, 'holder', v_holder,
                                               'past', coalesce(r.valid_to <= v_from, false))::text;
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

CREATE FUNCTION es_change_index(
    p_kinds text[], p_key_versions smallint[], p_blinds bytea[], p_owners uuid[], p_acts smallint[])
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    r       record;
    v_owner uuid;
    v_kept  uuid[] := '{}';
BEGIN
    FOR r IN
        SELECT get_byte(u.blind, octet_length(u.blind) - 1)::smallint AS lane, u.*
        FROM unnest(p_kinds, p_key_versions, p_blinds, p_owners, p_acts) AS u (kind, key_version, blind, owner, act)
        ORDER BY 1, u.kind, u.key_version, u.blind, u.owner, u.act
    LOOP
        CASE r.act
        WHEN 0 THEN
            DELETE FROM es_index
            WHERE lane = r.lane AND kind = r.kind AND key_version = r.key_version AND blind = r.blind
              AND owner = r.owner;
        WHEN 1 THEN
            -- Held until the commit: nobody releases meanwhile what this append rests on.
            PERFORM FROM es_index
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
                    RAISE EXCEPTION USING ERRCODE = 'HL005', MESSAGE = 'claim conflict',
                        DETAIL = json_build_object('kind', 'identity', 'holder', v_owner)::text;
                END IF;
            END IF;
        END CASE;
    END LOOP;

    SELECT u.owner INTO v_owner FROM unnest(p_owners, p_acts) AS u (owner, act)
    WHERE u.act = 1 AND u.owner <> ALL (v_kept) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'HL005', MESSAGE = 'claim conflict',
            DETAIL = json_build_object('kind', 'identity', 'holder', v_owner)::text;
    END IF;
END
$$;
COMMENT ON FUNCTION es_change_index IS
    'index entries: 0 released, of this owner only; 1 still the owner''s, else claim-conflict; 2 added';

CREATE FUNCTION es_append_many(
    p_command_lane smallint, p_command uuid, p_hash bytea, p_result bytea, p_at timestamptz,
    p_lanes smallint[], p_streams uuid[], p_categories text[], p_expected integer[], p_counts integer[],
    p_states smallint[],
    p_event_ids uuid[], p_names text[], p_days date[],
    p_metas bytea[], p_datas bytea[], p_privates bytea[], p_digests bytea[],
    p_claim_kinds text[], p_claim_keys uuid[], p_claim_holders uuid[], p_claim_from date[], p_claim_to date[],
    p_claim_take boolean[],
    p_index_kinds text[], p_index_versions smallint[], p_index_blinds bytea[], p_index_owners uuid[],
    p_index_acts smallint[],
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
        PERFORM es_change_index(
            p_index_kinds, p_index_versions, p_index_blinds, p_index_owners, p_index_acts);
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
COMMENT ON FUNCTION es_append_many(
    smallint, uuid, bytea, bytea, timestamptz, smallint[], uuid[], text[], integer[], integer[], smallint[],
    uuid[], text[], date[], bytea[], bytea[], bytea[], bytea[], text[], uuid[], uuid[], date[], date[], boolean[],
    text[], smallint[], bytea[], uuid[], smallint[]) IS
    'appends to several streams of any lanes, with claims and changes of the index: all or nothing';

REVOKE ALL ON FUNCTION es_change_index FROM PUBLIC;
REVOKE ALL ON FUNCTION es_append_many(
    smallint, uuid, bytea, bytea, timestamptz, smallint[], uuid[], text[], integer[], integer[], smallint[],
    uuid[], text[], date[], bytea[], bytea[], bytea[], bytea[], text[], uuid[], uuid[], date[], date[], boolean[],
    text[], smallint[], bytea[], uuid[], smallint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_append_many(
    smallint, uuid, bytea, bytea, timestamptz, smallint[], uuid[], text[], integer[], integer[], smallint[],
    uuid[], text[], date[], bytea[], bytea[], bytea[], bytea[], text[], uuid[], uuid[], date[], date[], boolean[],
    text[], smallint[], bytea[], uuid[], smallint[]) TO hulian_app;

RESET ROLE;
