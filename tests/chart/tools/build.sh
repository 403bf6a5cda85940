#!/bin/sh
# build.sh CACHE: builds what the chart's tests call besides the control plane's programs, once, and prints the folder
# that holds it: promtool (alert rules, dashboard queries) and helm 3 as `helm3`.
#
# The folder lies in the folder CACHE, is named after the versions, and appears whole or not at all. Only Go is needed,
# and its module proxy. Cold it takes about 5 minutes on two cores.
set -eu

helm=v3.22.0
here=$(cd "$(dirname "$0")" && pwd)
prometheus=$(sed -n 's#^\(require\)\{0,1\}[[:space:]]*github.com/prometheus/prometheus \(v[0-9.]*\)$#\2#p' "$here/go.mod")
cache=${1:?the folder to build into}
folder=$cache/chart-tools-promtool-$prometheus-helm-$helm

say() { echo "chart tools: $*" >&2; }
fail() { say "$*"; exit 1; }

if [ -d "$folder/bin" ]; then
	echo "$folder/bin"
	exit 0
fi
command -v flock >/dev/null 2>&1 || fail "flock is missing: install the package util-linux"
command -v go >/dev/null 2>&1 || fail "go is missing: install Go 1.26 or later (https://go.dev/dl)"

mkdir -p "$cache"
exec 9>"$folder.lock"
flock 9
if [ -d "$folder/bin" ]; then # built while this run waited
	echo "$folder/bin"
	exit 0
fi

work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/bin"
export CGO_ENABLED=0 GOBIN="$work/bin"

say "promtool $prometheus is built once, into $folder (about 2 minutes on two cores)"
# Without the service discoveries, which are most of it and not needed to read rules; some of their modules are large.
(cd "$here" && exec 9>&- && go build -mod=readonly -buildvcs=false -tags remove_all_sd -ldflags "-s -w" \
	-o "$work/bin/promtool" github.com/prometheus/prometheus/cmd/promtool) >&2
# The Kubernetes that charts are rendered for without a cluster; 1.20 otherwise.
assumed="-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37"
say "helm $helm is built once (about 2 minutes)"
(cd "$here" && exec 9>&- && go install -buildvcs=false \
	-ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=$helm $assumed" "helm.sh/helm/v3/cmd/helm@$helm") >&2
mv "$work/bin/helm" "$work/bin/helm3"

mv "$work" "$folder"
chmod 755 "$folder"
trap - EXIT
echo "$folder/bin"
