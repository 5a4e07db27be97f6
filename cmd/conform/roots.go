package main

import (
	// The roots of trust for a machine that has none, such as an image from scratch. Those of the machine,
	// or of SSL_CERT_FILE, go first.
	_ "golang.org/x/crypto/x509roots/fallback"
)
