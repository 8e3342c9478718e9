//go:build tools

// Package tools pins what `python -m tests.sandbox build` takes out of go.etcd.io/etcd/server/v3.
package tools

import _ "go.etcd.io/etcd/server/v3"
