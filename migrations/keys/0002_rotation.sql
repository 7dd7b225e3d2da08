-- Keys that are replaced: which outer keys are in use no more, how far a rotation has got, and which backups of this
-- database there are, since every one of them can bring a destroyed key back as long as it exists.

SET LOCAL ROLE hulian_owner;

ALTER TABLE key_check ADD COLUMN retired_at timestamptz;
COMMENT ON COLUMN key_check.retired_at IS 'no key is wrapped and nothing is found by this version any more; its file is gone';

-- Only while an index key is replaced: the events of a lane whose values stand under the new version already.
CREATE TABLE key_progress (
    purpose  text     NOT NULL,
    version  integer  NOT NULL,
    lane     smallint NOT NULL CHECK (lane BETWEEN 0 AND 255),
    position bigint   NOT NULL,
    PRIMARY KEY (lane, purpose, version)
);

CREATE TABLE key_backup (
    backup       text        PRIMARY KEY,
    taken_at     timestamptz NOT NULL,
    kek_versions integer[]   NOT NULL,
    destroyed_at timestamptz,
    destroyed_by text
);
COMMENT ON TABLE key_backup IS 'backups of this database; an erasure holds against them once they are destroyed';

GRANT SELECT, INSERT, UPDATE, DELETE ON key_progress TO hulian_keys;
GRANT SELECT, INSERT ON key_backup TO hulian_keys;
GRANT UPDATE (destroyed_at, destroyed_by) ON key_backup TO hulian_keys;
-- Also what allows a row to be held while a key is made under its version.
GRANT UPDATE (retired_at) ON key_check TO hulian_keys;

RESET ROLE;
