#!/bin/sh
# programs.sh CACHE NAME…: builds servers from Go modules, each once, and prints a line `NAME VERSION PATH` for each.
#
# Each lies in a folder of CACHE that is named after its version and appears whole or not at all. Only Go is needed, and
# its module proxy. The modules' own `replace` lines do not count, as for everyone who requires them; the versions that
# they name decide the rest, so the same program comes out each time.
set -eu

# name, module, version, package
programs='
nats-server github.com/nats-io/nats-server/v2 v2.15.2 .
coredns github.com/coredns/coredns v1.15.0 .
prometheus github.com/prometheus/prometheus v0.316.0 cmd/prometheus
minio github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c .
'
cache=${1:?the folder to build into}
shift

say() { echo "engines: $*" >&2; }
fail() { say "$*"; exit 1; }

build() {
	name=$1 module=$2 version=$3 package=$4
	folder=$cache/engines-$name-$version
	if [ ! -x "$folder/$name" ]; then
		command -v go >/dev/null 2>&1 || fail "go is missing: install Go 1.26 or later (https://go.dev/dl)"
		mkdir -p "$cache"
		exec 9>"$folder.lock"
		flock 9
	fi
	if [ ! -x "$folder/$name" ]; then # not built while this run waited
		say "$name $version is built once, into $folder"
		work=$(mktemp -d "$folder.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		trap 'exit 130' INT TERM
		mkdir "$work/module" "$work/done"
		(
			cd "$work/module"
			exec 9>&-
			export CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=local
			go mod init engines >/dev/null 2>&1
			go get "$module@$version"
			# The service discoveries are most of Prometheus, and no server here discovers anything.
			nice go build -buildvcs=false -tags remove_all_sd -ldflags "-s -w" -o "$work/done/$name" \
				"$module/$package"
		) >&2
		chmod 755 "$work/done"
		mv "$work/done" "$folder"
		rm -rf "$work"
		trap - EXIT
	fi
	echo "$name $version $folder/$name"
}

for name; do
	line=$(printf '%s' "$programs" | grep "^$name ") || fail "no program is called $name"
	# shellcheck disable=SC2086 # words
	build $line
done
