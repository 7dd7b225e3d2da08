CREATE TABLE step (
    lane         smallint    NOT NULL,
    household    uuid        NOT NULL,
    version      integer     NOT NULL,
    effective_on date        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    cycle        integer     NOT NULL,
    name         text        NOT NULL,
    title        text        NOT NULL,
    actor        text,
    organ        text,
    basis        text,
    due          date,
    in_time      boolean,
    met          text,
    closed       text,
    opened       text,
    facts        text,
    corrects     integer,
    PRIMARY KEY (lane, household, version)
);
COMMENT ON COLUMN step.due IS 'the earliest day among the limits this step met; in_time: whether it kept them all';
COMMENT ON COLUMN step.met IS 'JSON: the deadlines this step met, [{what, day, kind, inTime}]';
COMMENT ON COLUMN step.closed IS 'JSON: the deadlines that no longer mattered because of it, [{what, day, kind}]';
COMMENT ON COLUMN step.opened IS 'JSON: the deadlines it started, [{what, day, kind, rule, assumed}]';

COMMENT ON COLUMN step.corrects IS 'the step that this one says was wrong';

CREATE TABLE corrected (
    lane         smallint NOT NULL,
    household    uuid     NOT NULL,
    version      integer  NOT NULL,
    corrected_by integer  NOT NULL,
    PRIMARY KEY (lane, household, version)
);
COMMENT ON TABLE corrected IS 'steps that were wrong: they stay, and step corrected_by says what is right';

CREATE TABLE thread (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    cycle     integer  NOT NULL,
    running   text     NOT NULL,
    papers    text     NOT NULL,
    PRIMARY KEY (lane, household)
) WITH (fillfactor = 80);
COMMENT ON TABLE thread IS 'what the next step needs: the cycle, the deadlines still running, the numbers of documents not delivered yet (JSON)';
