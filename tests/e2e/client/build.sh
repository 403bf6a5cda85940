#!/bin/sh
# build.sh CACHE: builds the client that sends reviews as an API server does, once for each state of its sources, and
# prints its path. It lies in the folder CACHE; only Go is needed, no module.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?the folder to build into}

command -v go >/dev/null 2>&1 || { echo "client: go is missing: install Go 1.26 or later (https://go.dev/dl)" >&2; exit 1; }
key=$(cd "$here" && { cat go.mod ./*.go; go env GOVERSION; } | sha256sum | cut -c1-12)
program=$cache/review-client-$key
if [ ! -x "$program" ]; then
	mkdir -p "$cache"
	# Several runs may build it at once; it appears whole or not at all.
	new=$(mktemp "$program.XXXXXX")
	trap 'rm -f "$new"' EXIT
	(cd "$here" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -buildvcs=false -ldflags "-s -w" -o "$new" .) >&2
	chmod 755 "$new"
	mv "$new" "$program"
	trap - EXIT
fi
echo "$program"
