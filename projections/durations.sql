CREATE TABLE finished (
    lane      smallint NOT NULL,
    position  bigint   NOT NULL,
    n         smallint NOT NULL,
    household uuid     NOT NULL,
    version   integer  NOT NULL,
    subject   uuid     NOT NULL,
    stage     text     NOT NULL COLLATE "C",
    category  text     NOT NULL COLLATE "C",
    region    text     NOT NULL COLLATE "C",
    holder    text     NOT NULL COLLATE "C",
    stop      text,
    since     date     NOT NULL,
    until     date     NOT NULL,
    ended     date     NOT NULL,
    PRIMARY KEY (lane, position, n)
);
COMMENT ON TABLE finished IS 'one row a part of a finished stretch: who had the file from since to until; never changed, so that what was known at a cut stays known';
COMMENT ON COLUMN finished.position IS 'of the event that finished the stretch; n numbers the rows it made';
COMMENT ON COLUMN finished.ended IS 'the last day of the whole stretch, of which this is a part';
COMMENT ON COLUMN finished.stop IS 'the lawful standstill during which these days do not count for the stage';
CREATE INDEX finished_household ON finished (lane, household);

CREATE TABLE clock (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    subject   uuid     NOT NULL,
    state     text     NOT NULL,
    PRIMARY KEY (lane, household, subject)
) WITH (fillfactor = 70);
COMMENT ON TABLE clock IS 'what is still being timed of an alert, a case or an aid (JSON): what the next step needs';

CREATE TABLE running (
    lane       smallint NOT NULL,
    household  uuid     NOT NULL,
    subject    uuid     NOT NULL,
    stage      text     NOT NULL COLLATE "C",
    category   text     NOT NULL,
    since      date     NOT NULL,
    holder     text     NOT NULL,
    held_since date     NOT NULL,
    stop       text,
    held       text     NOT NULL,
    province   text     NOT NULL COLLATE "C",
    city       text     NOT NULL COLLATE "C",
    county     text     NOT NULL COLLATE "C",
    township   text     NOT NULL COLLATE "C",
    village    text     NOT NULL COLLATE "C",
    PRIMARY KEY (lane, household, subject, stage)
) WITH (fillfactor = 70);
COMMENT ON TABLE running IS 'stretches that have begun and not ended: holder has the file now, since held_since';
COMMENT ON COLUMN running.held IS 'JSON: who had the file from when, as in the clock; whoever sees the row sees that';
CREATE INDEX running_province ON running (lane, province, stage, since);
CREATE INDEX running_city ON running (lane, city, stage, since);
CREATE INDEX running_county ON running (lane, county, stage, since);
CREATE INDEX running_township ON running (lane, township, stage, since);
CREATE INDEX running_village ON running (lane, village, stage, since);
