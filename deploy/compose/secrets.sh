#!/bin/sh
# Makes the secrets of the example once: random passwords, and the addresses that hold them. Never commit them.
set -eu
cd "$(dirname "$0")"
umask 077
[ ! -e secrets ] || { echo "secrets are there already"; exit 0; }
mkdir secrets
random() { python3 -c 'import secrets; print(secrets.token_urlsafe(24), end="")'; }
owner=$(random)
login=$(random)
printf %s "$owner" >secrets/owner_password
printf %s "$login" >secrets/login_password
printf %s "postgresql://web:$login@store/hulian" >secrets/hulian_database_url
printf %s "postgresql://web_keys:$login@keys/hulian_keys" >secrets/hulian_keys_url
printf %s "postgresql://postgres:$owner@store/hulian" >secrets/hulian_migrations_url
printf %s "postgresql://postgres:$owner@keys/hulian_keys" >secrets/hulian_keys_migrations_url
# the containers read them as another user; on this host nobody else enters the directory
chmod 444 secrets/*
