// Package kubernetes and those below it are in the place of Pulumi's Kubernetes SDK for Go. The plugin has it for the resources that it
// registers itself, when a program uses ConfigFile, ConfigGroup or Chart; it is a quarter of what the plugin compiles. No program of ours
// uses them, and whoever does is told.
package kubernetes

import "reflect"

// UntypedArgs are the fields of an object.
type UntypedArgs map[string]any

// ElementType is that of a map.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
