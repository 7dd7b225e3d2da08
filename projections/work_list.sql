CREATE TABLE duty (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    step      text     NOT NULL COLLATE "C",
    subject   uuid     NOT NULL,
    month     text     NOT NULL COLLATE "C",
    category  text     NOT NULL COLLATE "C",
    cycle     integer  NOT NULL,
    officer   text     COLLATE "C",
    since     date     NOT NULL,
    due       date     NOT NULL,
    what      text,
    assumed   boolean  NOT NULL,
    missed    boolean  NOT NULL,
    version   integer  NOT NULL,
    province  text     NOT NULL COLLATE "C",
    city      text     NOT NULL COLLATE "C",
    county    text     NOT NULL COLLATE "C",
    township  text     NOT NULL COLLATE "C",
    village   text     NOT NULL COLLATE "C",
    PRIMARY KEY (lane, household, step, subject, month)
) WITH (fillfactor = 80);
COMMENT ON TABLE duty IS 'one row an open duty; a row goes when the duty is done';
COMMENT ON COLUMN duty.subject IS 'case, alert, notice, grace, benefit, aid or household; month (YYYY-MM or empty) is that of a payment';
COMMENT ON COLUMN duty.category IS 'of the case, or what the household is in; NONE where there is neither';
COMMENT ON COLUMN duty.officer IS 'who last handled the household at the level that has to act';
COMMENT ON COLUMN duty.due IS 'the day that limits it by deadline what; 9999-12-31 where none does';
-- A page is merged out of one short range for each step and category: what is asked for is read, nothing beside
-- it, and a province costs as much as a village. Order is by day over all lanes, so lane is not the first column.
CREATE INDEX duty_province ON duty (province, step, category, due, lane, household, subject, month);
CREATE INDEX duty_city ON duty (city, step, category, due, lane, household, subject, month);
CREATE INDEX duty_county ON duty (county, step, category, due, lane, household, subject, month);
CREATE INDEX duty_township ON duty (township, step, category, due, lane, household, subject, month);
CREATE INDEX duty_village ON duty (village, step, category, due, lane, household, subject, month);
CREATE INDEX duty_officer ON duty (officer, due, lane, household, step, subject, month) WHERE officer IS NOT NULL;

CREATE TABLE file (
    lane          smallint NOT NULL,
    household     uuid     NOT NULL,
    province      text     NOT NULL,
    city          text     NOT NULL,
    county        text     NOT NULL,
    township      text     NOT NULL,
    village       text     NOT NULL,
    home_since    date     NOT NULL,
    cycle         integer  NOT NULL,
    case_id       uuid,
    case_category text,
    held          text,
    delegated     boolean  NOT NULL,
    looked_at     boolean  NOT NULL,
    complained_on date,
    county_visits text     NOT NULL,
    missing       text     NOT NULL,
    at_village    text,
    at_township   text,
    at_county     text,
    limits        text     NOT NULL,
    PRIMARY KEY (lane, household)
) WITH (fillfactor = 80);
COMMENT ON TABLE file IS 'what the next step needs: place, case under way, who last handled it by level, limits running (JSON)';
