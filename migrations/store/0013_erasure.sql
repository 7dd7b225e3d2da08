-- Erasures: who had whose personal information erased, when, on what ground and whose approval. Written before any
-- key is destroyed, so that an interrupted erasure is known and finished. It lies beside the events and not beside the
-- keys: an old backup of the keys, put back, is recognised by it.

SET LOCAL ROLE hulian_owner;

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
COMMENT ON TABLE es_erasure IS 'one row an erased person or household; open until the keys are destroyed';
COMMENT ON COLUMN es_erasure.ground IS 'the paper it rests on; nothing about the person';
COMMENT ON COLUMN es_erasure.entries IS 'how many entries of the blind index went with it';

CREATE FUNCTION es_begin_erasure(
    p_lane smallint, p_owner uuid, p_subject text, p_basis text, p_ground text, p_actor text, p_approvers text[])
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO es_erasure (lane, owner, subject, basis, ground, actor, approvers, asked_at)
    VALUES (p_lane, p_owner, p_subject, p_basis, p_ground, p_actor, p_approvers, clock_timestamp())
    ON CONFLICT DO NOTHING;
END;
COMMENT ON FUNCTION es_begin_erasure IS 'writes down an erasure before it begins; the first word stays';

CREATE FUNCTION es_finish_erasure(p_lane smallint, p_owner uuid, p_entries integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE es_erasure SET done_at = clock_timestamp(), entries = p_entries
    WHERE lane = p_lane AND owner = p_owner AND done_at IS NULL;
END;

GRANT SELECT ON es_erasure TO hulian_app;
REVOKE ALL ON FUNCTION es_begin_erasure, es_finish_erasure FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es_begin_erasure, es_finish_erasure TO hulian_app;

RESET ROLE;
