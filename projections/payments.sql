CREATE TABLE payment (
    lane        smallint NOT NULL,
    household   uuid     NOT NULL,
    payment     uuid     NOT NULL,
    kind        text     NOT NULL,
    benefit     uuid     NOT NULL,
    month       text     NOT NULL,
    fen         bigint   NOT NULL,
    state       text     NOT NULL,
    ordered_on  date     NOT NULL,
    answered_on date,
    cause       text,
    run         uuid,
    version     integer  NOT NULL,
    PRIMARY KEY (lane, household, payment)
) WITH (fillfactor = 80);
COMMENT ON COLUMN payment.state IS 'ordered, settled or returned; answered_on is the day of the bank''s word';
COMMENT ON COLUMN payment.version IS 'the step that ordered it: the order of a household''s payments';
