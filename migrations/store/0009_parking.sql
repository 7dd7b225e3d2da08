-- Households a projection could not take in: their later events wait here while the others go on.
-- And the second wall of the reads: who reads as hulian_reader sees the rows of one area only.

DO $$
BEGIN
    IF NOT pg_has_role('hulian_app', 'hulian_reader', 'member') THEN
        GRANT hulian_reader TO hulian_app;
    END IF;
END
$$;

SET LOCAL ROLE hulian_owner;

CREATE TABLE read_parked (
    lane       smallint    NOT NULL,
    projection text        NOT NULL,
    version    integer     NOT NULL,
    household  uuid        NOT NULL,
    position   bigint      NOT NULL,
    error      text        NOT NULL,
    attempts   integer     NOT NULL DEFAULT 1,
    parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (lane, projection, version, household)
);
COMMENT ON TABLE read_parked IS 'a household whose events from position on a projection has left out, until they are tried again';

GRANT SELECT, INSERT, UPDATE, DELETE ON read_parked TO hulian_app;
GRANT SELECT ON read_parked TO hulian_reader;

RESET ROLE;
