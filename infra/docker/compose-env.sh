#!/bin/sh
# Writes .env for compose.yaml: a password of its own for each server that has one, readable by its owner only.
# Needs no Python and no Penstock. An .env that is there is left alone: its passwords are those of the volumes.
set -eu
file=${1:-$(dirname "$0")/../../.env}
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
if [ -e "$file" ]; then
  if grep -q '^POSTGRES_SUPERUSER_PASSWORD=' "$file"; then
    echo "$file is there already and is left as it is."
  else
    echo "POSTGRES_SUPERUSER_PASSWORD=$(secret)" >>"$file"
    echo "$file has a POSTGRES_SUPERUSER_PASSWORD now, and is as it was otherwise."
  fi
  exit 0
fi
cat >"$file.new" <<EOF
# Written by infra/docker/compose-env.sh. Secrets: not for a repository.
# PostgreSQL: of Penstock's own login, and of the superuser.
POSTGRES_PASSWORD=$(secret)
POSTGRES_SUPERUSER_PASSWORD=$(secret)
GRAFANA_PASSWORD=$(secret)

# The simulator answers until you have a catalogue of your own: then empty this.
COMPOSE_PROFILES=simulator
# PENSTOCK_CATALOG_FILE=./catalog.yaml
# OPENAI_API_KEY=
# ANTHROPIC_API_KEY=
EOF
mv "$file.new" "$file"
echo "$file is written: docker compose up"
