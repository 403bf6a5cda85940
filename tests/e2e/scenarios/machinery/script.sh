#!/bin/sh
# What the pod of script.yaml runs.
set -eu
echo "$GREETING"
echo "the claim holds: $(ls -A /data)"
touch /tmp/up
exec sleep 1000
