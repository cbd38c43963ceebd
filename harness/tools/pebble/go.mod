// Pebble, an ACME server for tests.
module tools/pebble

go 1.26

require github.com/letsencrypt/pebble/v2 v2.8.0
