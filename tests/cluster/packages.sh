#!/bin/sh
# packages.sh [PACKAGE:FILE…]: makes sure that the tools which the cluster calls are there, and a file (a pattern) of
# each package named. Says nothing when they are, installs the packages when it may (root, apt), and otherwise says
# which ones to install.
set -eu

missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }

if [ "$(uname -s)" != Linux ]; then
	echo "the cluster needs Linux: it runs in network and mount namespaces" >&2
	exit 1
fi
need ip iproute2
need unshare util-linux
need nsenter util-linux
need setpriv util-linux
need flock util-linux
need mount mount
need chroot coreutils
for further in "$@"; do
	# shellcheck disable=SC2086 # a pattern
	ls ${further#*:} >/dev/null 2>&1 || missing="$missing ${further%%:*}"
done
[ -n "$missing" ] || exit 0

missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing $missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq >&2
	# shellcheck disable=SC2086 # a list of package names
	apt-get install -y -qq --no-install-recommends $missing >&2
else
	echo "the tests need these Debian packages (or what your system calls them): $missing" >&2
	exit 1
fi
