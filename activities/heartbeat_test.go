package activities_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Read from the source, since a step would have to last for the time-out's fifteen seconds to show it.
func TestEveryStepTellsThatItIsAliveOrSaysNothingOnPurpose(t *testing.T) {
	onPurpose := map[string]string{
		"LoadIntegration": "a local activity: its worker's workflow task is noticed",
		"ReportRun":       "a local activity",
		"Notify":          "its heartbeat says who is left to be told; a minute is its time",
		"SearchLedger":    "somebody waits for it; half a minute is its time",
	}
	steps := 0
	for name, step := range exported(t) {
		steps++
		first, assigns := step.Body.List[0].(*ast.AssignStmt)
		alive := assigns && calls(first.Rhs[0], "heartbeat")
		require.Equal(t, onPurpose[name] == "", alive, "%s: ctx, stop := heartbeat(ctx) is the first line of a step that can be killed", name)
	}
	require.Greater(t, steps, len(onPurpose))
}

// exported gives the exported methods of Activities.
func exported(t *testing.T) map[string]*ast.FuncDecl {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	steps := map[string]*ast.FuncDecl{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, declared := range file.Decls {
			method, isFunc := declared.(*ast.FuncDecl)
			if !isFunc || !method.Name.IsExported() || method.Recv == nil {
				continue
			}
			if pointer, isPointer := method.Recv.List[0].Type.(*ast.StarExpr); isPointer && named(pointer.X, "Activities") {
				steps[method.Name.Name] = method
			}
		}
	}
	return steps
}

func named(expression ast.Expr, name string) bool {
	ident, isIdent := expression.(*ast.Ident)
	return isIdent && ident.Name == name
}

func calls(expression ast.Expr, function string) bool {
	call, isCall := expression.(*ast.CallExpr)
	return isCall && named(call.Fun, function)
}
