//go:build tools

// Package tools pins the programs that build.sh builds; it is never compiled itself.
package tools

import _ "github.com/prometheus/prometheus/cmd/promtool"
