CREATE TABLE holding (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    version   integer  NOT NULL,
    n         smallint NOT NULL,
    kind      text     NOT NULL,
    code      text     NOT NULL,
    person    uuid,
    subject   uuid,
    fen       bigint,
    since     date     NOT NULL,
    until     date,
    organ     text,
    PRIMARY KEY (lane, household, version, n)
);
COMMENT ON TABLE holding IS 'what the household (person NULL) or one person has over [since, until): category, benefit (fen a month), label, specialised aid';
COMMENT ON COLUMN holding.version IS 'the step that gave it; n its number among those of that step';

CREATE TABLE aid (
    lane       smallint NOT NULL,
    household  uuid     NOT NULL,
    aid        uuid     NOT NULL,
    version    integer  NOT NULL,
    type       text     NOT NULL,
    fen        bigint   NOT NULL,
    granted_on date     NOT NULL,
    state      text     NOT NULL,
    state_on   date     NOT NULL,
    organ      text,
    PRIMARY KEY (lane, household, aid)
);
COMMENT ON TABLE aid IS 'one temporary aid in fen: granted, ordered, settled or returned';

CREATE TABLE paid (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    year      integer  NOT NULL,
    kind      text     NOT NULL,
    state     text     NOT NULL,
    fen       bigint   NOT NULL,
    count     integer  NOT NULL,
    PRIMARY KEY (lane, household, year, kind, state)
) WITH (fillfactor = 80);
COMMENT ON TABLE paid IS 'what arrived (settled) or came back (returned) in a year, in fen and number of payments';
