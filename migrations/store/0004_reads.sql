-- What the application may do beside appending: record a look at sealed values, take a cut, forget an owner.

SET LOCAL ROLE hulian_owner;

CREATE FUNCTION es_record_access(
    p_lanes smallint[], p_subjects uuid[], p_ids uuid[], p_actors text[], p_organs text[], p_purposes text[],
    p_fields text[])
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO es_access (lane, subject, at, access_id, actor, organ, purpose, fields)
    SELECT u.lane, u.subject, clock_timestamp(), u.id, u.actor, u.organ, u.purpose, string_to_array(u.fields, ',')
    FROM unnest(p_lanes, p_subjects, p_ids, p_actors, p_organs, p_purposes, p_fields)
         AS u (lane, subject, id, actor, organ, purpose, fields);
END;

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

CREATE FUNCTION es_erase_stream(p_lane smallint, p_stream uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE es_stream SET state = 2 WHERE lane = p_lane AND stream_id = p_stream;
END;
COMMENT ON FUNCTION es_erase_stream IS 'marks a stream erased: it can be read, never written';

-- Only the owner of the store says that it is a trial, and only before its first event.
CREATE FUNCTION es_make_trial() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM es_lane WHERE position > 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'HL008', MESSAGE = 'the store has events already';
    END IF;
    UPDATE es_meta SET trial = true;
END
$$;

REVOKE ALL ON FUNCTION es_record_access, es_take_cut, es_forget, es_erase_stream, es_make_trial FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_record_access, es_take_cut, es_forget, es_erase_stream TO hulian_app;

RESET ROLE;
