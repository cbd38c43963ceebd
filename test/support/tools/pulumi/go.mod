// The Pulumi engine. Its npm package has to have the same version.
module tools/pulumi

go 1.26

require github.com/pulumi/pulumi/pkg/v3 v3.259.0
