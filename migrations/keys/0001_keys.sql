-- The keys database: one data key an owner (person or household), wrapped by a versioned key-encryption key.
-- It lives apart from the events, with backups of its own, so that destroying a key destroys what it sealed.

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['hulian_app', 'hulian_keys', 'hulian_owner', 'hulian_reader', 'hulian_sealer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', v_role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role(current_user, 'hulian_owner', 'MEMBER') THEN
        EXECUTE format('GRANT hulian_owner TO %I', current_user);
    END IF;
    EXECUTE format('GRANT CREATE, USAGE ON SCHEMA public TO %I', 'hulian_owner');
END
$$;

SET LOCAL ROLE hulian_owner;

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
    PRIMARY KEY (purpose, version)
);
COMMENT ON TABLE key_check IS 'fingerprints of the keys kept outside, so that a wrong key file is noticed at start';

GRANT USAGE ON SCHEMA public TO hulian_keys;
GRANT SELECT, INSERT ON key_data, key_check TO hulian_keys;
GRANT UPDATE (wrapped, destroyed_at, kek_version) ON key_data TO hulian_keys;

RESET ROLE;
