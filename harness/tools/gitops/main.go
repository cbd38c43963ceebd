// Programs by the name that this one is called by. All but actionlint read a JSON list of Kubernetes objects from standard
// input and print a JSON list with what is made of each:
//
//	kstatus             as kstatus reads it, which kubectl, Flux and kpt go by
//	argo-health SCRIPT  by a health script of Argo CD's, in Lua
//	flux-health EXPRS   by healthCheckExprs of a Flux Kustomization, a JSON object with current, failed and inProgress
//	actionlint …        actionlint itself
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
	"github.com/rhysd/actionlint"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

type object = map[string]any

func main() {
	name := filepath.Base(os.Args[0])
	if name == "actionlint" {
		os.Exit((&actionlint.Command{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}).Main(os.Args))
	}
	if err := judgeAll(name, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judgeAll(name string, args []string) error {
	judge, err := judgeOf(name, args)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var objects []object
	if err := kjson.Unmarshal(text, &objects); err != nil {
		return err
	}
	verdicts := []verdict{}
	for _, each := range objects {
		found, err := judge(each)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, found)
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

func judgeOf(name string, args []string) (func(object) (verdict, error), error) {
	if name == "kstatus" {
		return byStatus, nil
	}
	if len(args) != 1 {
		return nil, fmt.Errorf("%s takes one file", name)
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	switch name {
	case "argo-health":
		return func(each object) (verdict, error) { return byLua(string(text), each) }, nil
	case "flux-health":
		return fluxJudge(text)
	}
	return nil, fmt.Errorf("no program %s", name)
}

func byStatus(each object) (verdict, error) {
	result, err := status.Compute(&unstructured.Unstructured{Object: each})
	if err != nil {
		return verdict{}, err
	}
	return verdict{Status: result.Status.String(), Message: result.Message}, nil
}

// As Argo CD runs it: the libraries base, table and string, the object as the global obj, and the table that the script returns.
func byLua(script string, each object) (verdict, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName:   lua.OpenBase,
		lua.TabLibName:    lua.OpenTable,
		lua.StringLibName: lua.OpenString,
	} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return verdict{}, err
		}
	}
	state.SetGlobal("obj", toLua(state, each))
	if err := state.DoString(script); err != nil {
		return verdict{}, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return verdict{}, errors.New("the script returns no table")
	}
	found := verdict{Status: lua.LVAsString(table.RawGetString("status"))}
	switch found.Status {
	case "Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown":
	default:
		return verdict{}, fmt.Errorf("%q is no health of Argo CD's", found.Status)
	}
	found.Message = lua.LVAsString(table.RawGetString("message"))
	return found, nil
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch each := value.(type) {
	case bool:
		return lua.LBool(each)
	case int64:
		return lua.LNumber(each)
	case float64:
		return lua.LNumber(each)
	case string:
		return lua.LString(each)
	case []any:
		table := state.CreateTable(len(each), 0)
		for _, item := range each {
			table.Append(toLua(state, item))
		}
		return table
	case object:
		table := state.CreateTable(0, len(each))
		for key, item := range each {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}

// By the rules of Flux' RFC 0009, and with the CEL that its kustomize-controller has.
func fluxJudge(text []byte) (func(object) (verdict, error), error) {
	var given map[string]string
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	if given["current"] == "" {
		return nil, errors.New("there is no expression current")
	}
	env, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders())
	if err != nil {
		return nil, err
	}
	order := []struct{ field, status string }{{"inProgress", "InProgress"}, {"failed", "Failed"}, {"current", "Current"}}
	programs := map[string]cel.Program{}
	for _, each := range order {
		if given[each.field] == "" {
			continue
		}
		parsed, issues := env.Parse(given[each.field])
		if issues != nil && issues.Err() != nil {
			return nil, issues.Err()
		}
		if programs[each.field], err = env.Program(parsed, cel.EvalOptions(cel.OptOptimize)); err != nil {
			return nil, err
		}
	}
	return func(each object) (verdict, error) {
		seen, there, _ := unstructured.NestedInt64(each, "status", "observedGeneration")
		generation, _, _ := unstructured.NestedInt64(each, "metadata", "generation")
		if there && seen != generation {
			return verdict{Status: "InProgress"}, nil
		}
		for _, step := range order {
			program, there := programs[step.field]
			if !there {
				continue
			}
			value, _, err := program.ContextEval(context.Background(), each)
			if err != nil {
				return verdict{}, fmt.Errorf("%s: %w", step.field, err)
			}
			if value == types.True {
				return verdict{Status: step.status}, nil
			}
		}
		return verdict{Status: "InProgress"}, nil
	}, nil
}
