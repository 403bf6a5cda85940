#!/bin/sh
# build.sh CACHE [VERSION]: builds a Kubernetes control plane from Go modules, once, and prints the folder that holds it.
#
# The folder has etcd, kube-apiserver, kube-controller-manager, kubectl and helm. It lies in the folder CACHE, is named
# after the versions, and appears whole or not at all. Only Go is needed, and its module proxy. Cold it takes 6 to 10
# minutes on two cores.
#
# VERSION is a release of Kubernetes, such as v1.30.14; without it, the one that go.mod beside this file names. Another
# one is built with the modules that its own go.mod names, etcd among them: as it was released, but for the Go version.
#
# KUBEBUILDER_ASSETS (the convention of envtest: a folder with etcd, kube-apiserver and kubectl) is used where it is
# set; then only what it lacks is built.
set -eu

helm=v4.3.1
here=$(cd "$(dirname "$0")" && pwd)
pinned=$(sed -n 's#^\(require\)\{0,1\}[[:space:]]*k8s.io/kubernetes \(v[0-9.]*\)$#\2#p' "$here/go.mod")
cache=${1:?the folder to build into}
kubernetes=${2:-$pinned}
assets=${KUBEBUILDER_ASSETS:-}

say() { echo "control plane: $*" >&2; }
fail() { say "$*"; exit 1; }

echo "$kubernetes" | grep -Eqx 'v1\.[0-9]+\.[0-9]+' || fail "$kubernetes is no version of Kubernetes such as $pinned"
if [ -n "$assets" ]; then
	for program in etcd kube-apiserver kubectl; do
		[ -x "$assets/$program" ] || fail "KUBEBUILDER_ASSETS=$assets has no $program; unset it to build one"
	done
	server=$("$assets/kube-apiserver" --version | sed 's/.* //')
	folder=$cache/control-plane-$server-assets-$(printf %s "$assets" | cksum | cut -d' ' -f1)-helm-$helm
	[ -z "${2:-}" ] || [ "$server" = "$kubernetes" ] ||
		fail "KUBEBUILDER_ASSETS=$assets has kube-apiserver $server, not $kubernetes; unset it to build that one"
	[ "$server" = "$kubernetes" ] || [ -x "$assets/kube-controller-manager" ] ||
		say "kube-apiserver is $server, the controller manager built for it will be $kubernetes"
else
	folder=$cache/control-plane-$kubernetes-helm-$helm
fi

if [ -d "$folder/bin" ]; then
	echo "$folder/bin"
	exit 0
fi
command -v flock >/dev/null 2>&1 || fail "flock is missing: install the package util-linux"

mkdir -p "$cache"
exec 9>"$folder.lock"
if ! flock -n 9; then
	say "another run is building it; waiting"
	flock 9
fi
if [ -d "$folder/bin" ]; then # built while this run waited
	echo "$folder/bin"
	exit 0
fi
command -v go >/dev/null 2>&1 || fail "go is missing: install Go 1.26 or later (https://go.dev/dl), or set KUBEBUILDER_ASSETS"

work=$(mktemp -d "$folder.XXXXXX")
clock=
trap 'stop_clock; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# One line every half minute, so that nobody takes a build for a hang.
start_clock() {
	(
		exec 9>&- # the lock is not the clock's to keep
		while sleep 1; do
			seconds=$((seconds + 1))
			[ $((seconds % 30)) -ne 0 ] || say "still building $1, $((seconds / 60)) min $((seconds % 60)) s so far"
		done
	) >&2 &
	clock=$!
}
stop_clock() {
	[ -z "$clock" ] || kill "$clock" 2>/dev/null || true
	clock=
}

export CGO_ENABLED=0 GOBIN="$work/bin"
seconds=0
mkdir "$work/bin"

# Where the module lies that pins what is built. The pinned version's is kept, with the sum of each of its modules.
# Another version's is its own go.mod and go.sum (as the main module, or its replacements would not count), but for the
# staging modules, which it has in folders: they are released as v0.x.y.
modules=$here
reading=readonly
if [ "$kubernetes" != "$pinned" ]; then
	modules=$work/modules
	reading=mod # the sums of the staging modules are added; go checks them against its checksum database
	mkdir "$modules"
	released=$(cd "$modules" && go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
	[ -f "$released/go.mod" ] || fail "the module proxy has no k8s.io/kubernetes@$kubernetes (see above)"
	sed -e 's#^module .*#module control-plane#' -e "s#=> \./staging/src/\(.*\)#=> \1 v0.${kubernetes#v1.}#" "$released/go.mod" >"$modules/go.mod"
	cat "$released/go.sum" >"$modules/go.sum"
	(cd "$modules" && go mod edit -require="k8s.io/kubernetes@$kubernetes")
fi

# build NAME COMMAND…: the command leaves $work/bin/NAME.
build() {
	name=$1
	shift
	if [ -n "$assets" ] && [ -x "$assets/$name" ]; then
		ln -s "$assets/$name" "$work/bin/$name"
		return
	fi
	say "building $name"
	begun=$(date +%s)
	start_clock "$name"
	(cd "$modules" && exec 9>&- && "$@") >&2
	stop_clock
	seconds=$((seconds + $(date +%s) - begun))
}

minor=${kubernetes#v1.}
minor=${minor%%.*}
# Without these the server calls itself v0.0.0-master, and clients believe it.
version="-X k8s.io/component-base/version.gitVersion=$kubernetes"
version="$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"

say "Kubernetes $kubernetes and helm $helm are built once, into $folder (6 to 10 minutes on two cores)"
for program in kube-apiserver kube-controller-manager kubectl; do
	build $program go build "-mod=$reading" -buildvcs=false -ldflags "-s -w $version" -o "$work/bin/$program" "k8s.io/kubernetes/cmd/$program"
done
build etcd go build "-mod=$reading" -buildvcs=false -ldflags "-s -w" -o "$work/bin/etcd" go.etcd.io/etcd/server/v3
build helm go install -buildvcs=false -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$helm" "helm.sh/helm/v4/cmd/helm@$helm"

rm -rf "$work/modules"
mv "$work" "$folder"
chmod 755 "$folder"
trap - EXIT
say "built in $((seconds / 60)) min $((seconds % 60)) s"
echo "$folder/bin"
