// Pulumi's resource plugin for Kubernetes. The two files beside it come out of its module, when it is built.
package main

import (
	_ "embed"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

// Set when it is linked.
var version = "unset"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-version" {
		fmt.Println(version)
		return
	}
	provider.Serve("kubernetes", version, schema, mapping)
}
