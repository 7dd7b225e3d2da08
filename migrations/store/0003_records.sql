-- What is recorded beside the events: looks at sealed values, cuts of all lanes, erasures.

CREATE TABLE es_access (
    lane      smallint    NOT NULL,
    subject   uuid        NOT NULL,
    at        timestamptz NOT NULL,
    access_id uuid        NOT NULL,
    actor     text        NOT NULL,
    organ     text,
    purpose   text        NOT NULL,
    fields    text[]      NOT NULL,
    PRIMARY KEY (lane, subject, at, access_id)
);
COMMENT ON TABLE es_access IS 'who saw which sealed values of a household in clear, for what; written before they are shown';

CREATE TABLE es_cut (
    cut_id    uuid        PRIMARY KEY,
    purpose   text        NOT NULL,
    positions bigint[]    NOT NULL CHECK (cardinality(positions) = 256),
    taken_at  timestamptz NOT NULL
);
COMMENT ON TABLE es_cut IS 'positions[lane + 1], read while all heads were locked; what a report rests on';

CREATE TABLE es_erasure (
    lane       smallint    NOT NULL,
    owner      uuid        NOT NULL,
    subject    text        NOT NULL CHECK (subject IN ('person', 'household')),
    basis      text        NOT NULL,
    ground     text        NOT NULL,
    actor      text        NOT NULL,
    approvers  text[]      NOT NULL CHECK (cardinality(approvers) >= 2),
    asked_at   timestamptz NOT NULL,
    done_at    timestamptz,
    entries    integer,
    PRIMARY KEY (lane, owner)
);
COMMENT ON TABLE es_erasure IS
    'one row an erased person or household, written before any key is destroyed and open until all are; beside the '
    'events and not beside the keys: an old backup of the keys, put back, is recognised by it';
COMMENT ON COLUMN es_erasure.ground IS 'the paper it rests on; nothing about the person';
COMMENT ON COLUMN es_erasure.entries IS 'how many entries of the blind index went with it';

CREATE FUNCTION es_record_access(
    p_lanes smallint[], p_subjects uuid[], p_ids uuid[], p_actors text[], p_organs text[], p_purposes text[],
    p_fields text[])
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO es_access (lane, subject, at, access_id, actor, organ, purpose, fields)
    SELECT u.lane, u.subject, v_at, u.id, u.actor, u.organ, u.purpose, string_to_array(u.fields, ',')
    FROM unnest(p_lanes, p_subjects, p_ids, p_actors, p_organs, p_purposes, p_fields)
         AS u (lane, subject, id, actor, organ, purpose, fields);
END
$$;

CREATE FUNCTION es_take_cut(p_id uuid, p_purpose text, OUT o_positions bigint[], OUT o_taken_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_position bigint;
BEGIN
    SELECT positions, taken_at INTO o_positions, o_taken_at FROM es_cut WHERE cut_id = p_id;
    IF FOUND THEN
        RETURN;
    END IF;
    -- In lane order, like every writer, and all held to the end: a write to several lanes is in the cut whole
    -- or not at all.
    FOR v_lane IN 0 .. 255 LOOP
        SELECT position INTO v_position FROM es_lane WHERE lane = v_lane FOR UPDATE;
        o_positions[v_lane + 1] := v_position;
    END LOOP;
    o_taken_at := clock_timestamp();
    INSERT INTO es_cut (cut_id, purpose, positions, taken_at) VALUES (p_id, p_purpose, o_positions, o_taken_at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT positions, taken_at INTO o_positions, o_taken_at FROM es_cut WHERE cut_id = p_id;
    END IF;
END
$$;
COMMENT ON FUNCTION es_take_cut IS 'the positions of all lanes at one moment, stored; the same id again gets the same cut';

CREATE FUNCTION es_begin_erasure(
    p_lane smallint, p_owner uuid, p_subject text, p_basis text, p_ground text, p_actor text, p_approvers text[])
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO es_erasure (lane, owner, subject, basis, ground, actor, approvers, asked_at)
    VALUES (p_lane, p_owner, p_subject, p_basis, p_ground, p_actor, p_approvers, v_at)
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION es_begin_erasure IS 'writes down an erasure before it begins; the first word stays';

CREATE FUNCTION es_forget(p_owner uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_gone integer;
BEGIN
    DELETE FROM es_index WHERE owner = p_owner;
    GET DIAGNOSTICS v_gone = ROW_COUNT;
    RETURN v_gone;
END
$$;
COMMENT ON FUNCTION es_forget IS 'takes an owner out of the blind index, as part of erasure';

CREATE FUNCTION es_finish_erasure(p_lane smallint, p_owner uuid, p_entries integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_at timestamptz := clock_timestamp();
BEGIN
    UPDATE es_erasure SET done_at = v_at, entries = p_entries
    WHERE lane = p_lane AND owner = p_owner AND done_at IS NULL;
END
$$;

GRANT SELECT ON es_access, es_cut, es_erasure TO hulian_app;
REVOKE ALL ON FUNCTION es_record_access, es_take_cut, es_begin_erasure, es_forget, es_finish_erasure FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_record_access, es_take_cut, es_begin_erasure, es_forget, es_finish_erasure TO hulian_app;
