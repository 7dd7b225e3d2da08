CREATE TABLE due (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    version   integer  NOT NULL,
    n         smallint NOT NULL,
    what      text     NOT NULL,
    subject   uuid     NOT NULL,
    kind      text     NOT NULL,
    day       date     NOT NULL,
    rule      text     NOT NULL,
    editions  text     NOT NULL,
    assumed   boolean  NOT NULL,
    opened_on date     NOT NULL,
    done_on   date,
    missed_on date,
    met       boolean,
    PRIMARY KEY (lane, household, version, n)
) WITH (fillfactor = 80);
COMMENT ON COLUMN due.version IS 'the step that started it; n its number among those of that step';
COMMENT ON COLUMN due.editions IS 'the calendar editions it was counted in, joined by commas';
COMMENT ON COLUMN due.missed_on IS 'the day its passing was noted';
COMMENT ON COLUMN due.met IS 'whether the act it was set for ended it; false where it no longer mattered, null while it runs';
-- what the deadline worker asks: which households have something to do by a day
CREATE INDEX due_awaited ON due (lane, kind, day) INCLUDE (household) WHERE done_on IS NULL AND missed_on IS NULL;
