#!/bin/sh
# Stands for the entrypoint of the image postgres, up to major 17, in front of a PostgreSQL of this machine. It does what
# docker-library/postgres documents: makes PGDATA and gives it to the user postgres, initialises it where it holds no
# PG_VERSION (initdb itself refuses a directory that is not empty), and becomes the server.
set -eu

mkdir -p "$PGDATA" /var/run/postgresql
chmod 700 "$PGDATA" || : # where it is another user's, the server says so
if [ "$(id -u)" = 0 ]; then
	user=$(id -u postgres 2>/dev/null || id -u nobody)
	chown -R "$user" "$PGDATA" /var/run/postgresql
	exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	if [ -z "${POSTGRES_PASSWORD:-}" ]; then
		echo "the database is not initialised and POSTGRES_PASSWORD is not set" >&2
		exit 1
	fi
	printf '%s\n' "$POSTGRES_PASSWORD" |
		initdb --pgdata="$PGDATA" --username=postgres --auth-local=trust --pwfile=/proc/self/fd/0
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
# Clients look for its socket in the one or the other, as they were built.
exec postgres -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql,/tmp "$@"
