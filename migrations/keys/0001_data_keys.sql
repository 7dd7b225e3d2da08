-- The keys database: one data key an owner (person or household), wrapped by a versioned key-encryption key.
-- It lies apart from the events, with backups of its own, so that destroying a key destroys what it sealed.

CREATE TABLE key_data (
    lane         smallint    NOT NULL CHECK (lane BETWEEN 0 AND 255),
    owner        uuid        NOT NULL,
    version      integer     NOT NULL,
    kek_version  integer     NOT NULL,
    wrapped      bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (lane, owner, version),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE key_data IS 'a destroyed key leaves its row behind: the owner stays erased';

CREATE TABLE key_check (
    purpose     text        NOT NULL,
    version     integer     NOT NULL,
    fingerprint bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz,
    PRIMARY KEY (purpose, version)
);
COMMENT ON TABLE key_check IS 'fingerprints of the keys kept outside, so that a wrong key file is noticed at start';
COMMENT ON COLUMN key_check.retired_at IS 'no key is wrapped and nothing is found by this version any more; its file is gone';

CREATE TABLE key_progress (
    purpose  text     NOT NULL,
    version  integer  NOT NULL,
    lane     smallint NOT NULL CHECK (lane BETWEEN 0 AND 255),
    position bigint   NOT NULL,
    PRIMARY KEY (lane, purpose, version)
);
COMMENT ON TABLE key_progress IS
    'only while an index key is replaced: the events of a lane whose values stand under the new version already';

CREATE TABLE key_backup (
    backup       text        PRIMARY KEY,
    taken_at     timestamptz NOT NULL,
    kek_versions integer[]   NOT NULL,
    destroyed_at timestamptz,
    destroyed_by text
);
COMMENT ON TABLE key_backup IS
    'backups of this database; each can bring a destroyed key back as long as it exists, and an erasure holds against '
    'them once they are destroyed';

GRANT USAGE ON SCHEMA public TO hulian_keys;
GRANT SELECT, INSERT ON key_data, key_check, key_backup TO hulian_keys;
GRANT UPDATE (wrapped, destroyed_at, kek_version) ON key_data TO hulian_keys;
-- Also what allows a row to be held while a key is made under its version.
GRANT UPDATE (retired_at) ON key_check TO hulian_keys;
GRANT SELECT, INSERT, UPDATE, DELETE ON key_progress TO hulian_keys;
GRANT UPDATE (destroyed_at, destroyed_by) ON key_backup TO hulian_keys;
