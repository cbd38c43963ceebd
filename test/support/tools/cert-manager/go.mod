// The controllers of cert-manager that a CA issuer needs, in one process. Its own `cmd/controller` is a module with a
// relative replace, which the proxy does not serve, and links every ACME solver.
module tools/cert-manager

go 1.26.0

require github.com/cert-manager/cert-manager v1.21.2
