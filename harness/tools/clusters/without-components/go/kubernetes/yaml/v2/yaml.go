// Package v2 registers no resource.
package v2

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RegisterResource refuses every object.
func RegisterResource(_ *pulumi.Context, _, _, _ string, _ pulumi.Input, _ ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	return nil, errors.New("this plugin is built without ConfigFile, ConfigGroup and Chart")
}
