// Vault with KV, AppRole, JWT, transit and PKI (the `minimal` tag leaves out the rest).
// Vault's releases are built against an unpublished sdk; of the published pairs 1.21.1 with sdk 0.20.0 compiles.
module tools/vault

go 1.26

require github.com/hashicorp/vault v1.21.1

replace (
	github.com/99designs/keyring => github.com/Jeffail/keyring v1.2.3
	github.com/hashicorp/vault => github.com/hashicorp/vault v1.21.1
	github.com/hashicorp/vault/sdk => github.com/hashicorp/vault/sdk v0.20.0
	github.com/ma314smith/signedxml v1.1.1 => github.com/moov-io/signedxml v1.1.1
)
