#!/bin/sh
# Run once by the PostgreSQL image on an empty volume: the login of the application, no superuser.
# `hulian migrate` makes it a member of the roles it needs.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d postgres \
    -v login="$LOGIN" -v password="$(cat /run/secrets/login_password)" <<'SQL'
CREATE ROLE :"login" LOGIN PASSWORD :'password';
SQL
