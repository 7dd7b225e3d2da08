CREATE TABLE merged (
    cut        uuid        PRIMARY KEY,
    taken_at   timestamptz NOT NULL,
    positions  bigint[]    NOT NULL,
    chain      uuid[]      NOT NULL,
    durations  integer     NOT NULL,
    statistics integer     NOT NULL,
    editions   text        NOT NULL,
    uncounted  bigint      NOT NULL,
    parked     integer     NOT NULL,
    merged_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE merged IS 'one row a cut whose counts stand in day_count and figure';
COMMENT ON COLUMN merged.chain IS 'this cut and those before it that its counts are added to: the report is the sum over all';
COMMENT ON COLUMN merged.durations IS 'the version of that read model; statistics likewise';
COMMENT ON COLUMN merged.editions IS 'JSON: by county, the calendar editions working days were counted in';
COMMENT ON COLUMN merged.uncounted IS 'stretches left out of working and net days: a year without a calendar edition';
COMMENT ON COLUMN merged.parked IS 'households whose events wait for a projection to be mended: they are missing here';

CREATE TABLE day_count (
    stage    text       NOT NULL COLLATE "C",
    holder   text       NOT NULL COLLATE "C",
    level    smallint   NOT NULL,
    area     text       NOT NULL COLLATE "C",
    month    text       NOT NULL COLLATE "C",
    category text       NOT NULL COLLATE "C",
    cut      uuid       NOT NULL,
    calendar smallint[] NOT NULL,
    working  smallint[] NOT NULL,
    net      smallint[] NOT NULL,
    n        integer[]  NOT NULL,
    PRIMARY KEY (stage, holder, level, area, month, category, cut)
);
COMMENT ON TABLE day_count IS 'of the stretches that ended in a month: n[i] took calendar[i] days, working[i] working days, net[i] that count';
COMMENT ON COLUMN day_count.holder IS 'whose days; empty: those of the whole stretch';
COMMENT ON COLUMN day_count.level IS 'the length of the area''s code';

CREATE TABLE figure (
    what     text     NOT NULL COLLATE "C",
    level    smallint NOT NULL,
    area     text     NOT NULL COLLATE "C",
    month    text     NOT NULL COLLATE "C",
    category text     NOT NULL COLLATE "C",
    detail   text     NOT NULL COLLATE "C",
    cut      uuid     NOT NULL,
    homes    bigint   NOT NULL,
    heads    bigint   NOT NULL,
    fen      bigint   NOT NULL,
    PRIMARY KEY (what, level, area, month, category, detail, cut)
);
COMMENT ON TABLE figure IS 'the tallies of a month added up, as much as each merge brought';
