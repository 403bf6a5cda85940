#!/bin/sh
# Prints the folder of PostgreSQL's programs, or nothing where there is none. PG_BIN names it (`none`: pretend that there
# is none); else it is the newest of Debian's, or that of the search path. Debian's package is installed where that may
# be done (root, apt), without a server of its own.
set -eu

lacks() {
	for program in postgres initdb pg_isready psql; do
		[ -x "$1/$program" ] || echo "$program"
	done
}
found() {
	on_path=$(command -v postgres || :)
	for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -nr) \
		"$(dirname "$(readlink -f "${on_path:-/nowhere/postgres}")")"; do
		if [ -z "$(lacks "$folder")" ]; then
			echo "$folder"
			return
		fi
	done
	return 1
}

case "${PG_BIN:-}" in
none) exit 0 ;;
?*)
	if [ -n "$(lacks "$PG_BIN")" ]; then
		echo "PG_BIN=$PG_BIN has no" $(lacks "$PG_BIN") >&2
		exit 1
	fi
	cd "$PG_BIN"
	pwd
	exit 0
	;;
esac
if found || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	exit 0
fi

echo "installing postgresql, once (its programs; no server is started)" >&2
# Read by Debian's scripts when they would make a database: none is made, so none is started.
conf=/etc/postgresql-common/createcluster.d/stsguard-demo.conf
mkdir -p "${conf%/*}"
echo "create_main_cluster = false" >"$conf"
log=$(mktemp)
trap 'rm -f "$conf" "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { timeout 300 apt-get update -qq || :; timeout 600 apt-get install -y -qq --no-install-recommends postgresql; } \
	</dev/null >"$log" 2>&1; then
	tail -n 2 "$log" >&2
	echo "it cannot be installed" >&2
	rm -f "$conf"
	rmdir -p "${conf%/*}" 2>/dev/null || :
fi
found || :
