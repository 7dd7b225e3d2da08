-- What jurisdictions publish: policy packs, calendar editions, the region register. Bodies only; which of them
-- is in force where is said by events in the jurisdictions' own streams.

SET LOCAL ROLE hulian_owner;

CREATE TABLE ref_pack (
    hash   text PRIMARY KEY,
    region text NOT NULL,
    body   text NOT NULL
);

CREATE TABLE ref_calendar (
    edition text PRIMARY KEY,
    region  text    NOT NULL,
    year    integer NOT NULL,
    body    text    NOT NULL
);

CREATE TABLE ref_region (
    code  text NOT NULL,
    since date NOT NULL,
    body  text NOT NULL,
    PRIMARY KEY (code, since)
);

GRANT SELECT ON ref_pack, ref_calendar, ref_region TO hulian_app, hulian_reader;
