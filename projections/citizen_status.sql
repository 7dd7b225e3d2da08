CREATE TABLE matter (
    lane       smallint NOT NULL,
    household  uuid     NOT NULL,
    case_id    uuid     NOT NULL,
    version    integer  NOT NULL,
    category   text     NOT NULL,
    begun_on   date     NOT NULL,
    stage      text     NOT NULL,
    stage_on   date     NOT NULL,
    missing    text     NOT NULL,
    limits     text     NOT NULL,
    told_on    date,
    decided_on date,
    fen        bigint,
    first_month text,
    PRIMARY KEY (lane, household, case_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE matter IS 'one row a case, as the family may see it; version is the step that began it';
COMMENT ON COLUMN matter.limits IS 'JSON: the limits and periods that run for the case; missing: papers still awaited';

CREATE TABLE ruling (
    lane            smallint NOT NULL,
    household       uuid     NOT NULL,
    subject         uuid     NOT NULL,
    version         integer  NOT NULL,
    kind            text     NOT NULL,
    decided_on      date     NOT NULL,
    ground          text,
    remedy          text,
    effective_on    date     NOT NULL,
    delivered_on    date,
    reconsider_by   date,
    sue_by          date,
    PRIMARY KEY (lane, household, subject)
);
COMMENT ON TABLE ruling IS 'one decision against the family: until when it may appeal, once the paper reached it';

CREATE TABLE receiving (
    lane          smallint NOT NULL,
    household     uuid     NOT NULL,
    category      text,
    category_from date,
    category_to   date,
    fen           bigint,
    next_fen      bigint,
    next_fen_from text,
    first_month   text,
    last_month    text,
    grace_to      text,
    review_due    date,
    next_category text,
    next_from     date,
    paid_kind     text,
    paid_month    text,
    paid_fen      bigint,
    paid_on       date,
    returned_on   date,
    PRIMARY KEY (lane, household)
) WITH (fillfactor = 80);
COMMENT ON COLUMN receiving.paid_on IS 'the day the last payment arrived; returned_on: of one that came back and was not ordered again';
