CREATE TABLE card (
    lane            smallint NOT NULL,
    household       uuid     NOT NULL,
    region          text     NOT NULL COLLATE "C",
    province        text     NOT NULL COLLATE "C",
    city            text     NOT NULL COLLATE "C",
    county          text     NOT NULL COLLATE "C",
    township        text     NOT NULL COLLATE "C",
    village         text     NOT NULL COLLATE "C",
    area            text     NOT NULL,
    provisional     boolean  NOT NULL,
    registered_on   date     NOT NULL,
    head            uuid,
    head_name       bytea,
    members         integer  NOT NULL,
    cycle           integer  NOT NULL,
    version         integer  NOT NULL,
    last_on         date     NOT NULL,
    last_name       text     NOT NULL,
    last_title      text     NOT NULL,
    case_id         uuid,
    case_category   text,
    case_since      date,
    case_step       text,
    case_step_on    date,
    next_due        date,
    next_what       text,
    running         text     NOT NULL,
    joined_into     uuid,
    PRIMARY KEY (lane, household)
) WITH (fillfactor = 70);
COMMENT ON COLUMN card.head_name IS 'the sealed token of the head''s name; its owner is the head';
COMMENT ON COLUMN card.case_step IS 'stored name of the last step of the case under way';
COMMENT ON COLUMN card.next_due IS 'the earliest day among the running limits and periods; running (JSON) has them all';
COMMENT ON COLUMN card.joined_into IS 'the household it went on in: it lives no more by itself, lists leave it out';
-- A list is one range of its place's index, in the order of lanes and households, whatever the place's breadth.
CREATE INDEX card_province ON card (province, lane, household);
CREATE INDEX card_city ON card (city, lane, household);
CREATE INDEX card_county ON card (county, lane, household);
CREATE INDEX card_township ON card (township, lane, household);
CREATE INDEX card_village ON card (village, lane, household);

CREATE TABLE home (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    n         integer  NOT NULL,
    region    text     NOT NULL COLLATE "C",
    area      text     NOT NULL,
    since     date     NOT NULL,
    until     date,
    PRIMARY KEY (lane, household, n)
);
COMMENT ON TABLE home IS 'one row a spell [since, until); n is its place in the order they became known, as below';

CREATE TABLE member (
    lane          smallint NOT NULL,
    household     uuid     NOT NULL,
    n             integer  NOT NULL,
    person        uuid     NOT NULL,
    relation      text     NOT NULL,
    birth         date,
    sex           text,
    student       boolean  NOT NULL,
    disability    text,
    work_capacity text     NOT NULL,
    name          bytea,
    id_number     bytea,
    since         date     NOT NULL,
    until         date,
    cause         text,
    PRIMARY KEY (lane, household, n)
);
COMMENT ON COLUMN member.name IS 'a sealed token, as id_number; its owner is the person';
COMMENT ON COLUMN member.cause IS 'why the membership ended; NULL where it runs, or only went on otherwise';
-- in which households a person is or was, whatever the lane
CREATE INDEX member_person ON member (person);

CREATE TABLE category (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    n         integer  NOT NULL,
    person    uuid,
    category  text     NOT NULL,
    since     date     NOT NULL,
    until     date,
    irregular boolean  NOT NULL,
    PRIMARY KEY (lane, household, n)
);
COMMENT ON TABLE category IS 'one row a spell [since, until), of the household or of one person';
COMMENT ON COLUMN category.irregular IS 'never lawfully decided, and there all the same';
-- who is in a category that few are in, in the order of a list
CREATE INDEX category_held ON category (category, lane, household);

CREATE TABLE label (
    lane      smallint NOT NULL,
    household uuid     NOT NULL,
    n         integer  NOT NULL,
    label     text     NOT NULL,
    since     date     NOT NULL,
    until     date,
    PRIMARY KEY (lane, household, n)
);

CREATE TABLE benefit (
    lane        smallint NOT NULL,
    household   uuid     NOT NULL,
    n           integer  NOT NULL,
    benefit     uuid     NOT NULL,
    kind        text     NOT NULL,
    fen         bigint   NOT NULL,
    first_month text     NOT NULL,
    last_month  text,
    PRIMARY KEY (lane, household, n)
);
COMMENT ON TABLE benefit IS 'monthly amounts in fen, from first_month to last_month, both included';
