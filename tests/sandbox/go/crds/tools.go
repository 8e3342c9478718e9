//go:build tools

// Package tools pins what `python -m tests.sandbox build` takes out of github.com/openshift/api.
package tools

import _ "github.com/openshift/api"
