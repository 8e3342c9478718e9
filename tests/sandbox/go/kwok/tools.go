//go:build tools

// Package tools pins what `python -m tests.sandbox build` takes out of sigs.k8s.io/kwok.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
