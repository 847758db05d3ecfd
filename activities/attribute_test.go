package activities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"google.golang.org/grpc"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/wire"
)

// operator is Temporal as far as it tells which search attributes a namespace has.
type operator struct {
	operatorservice.OperatorServiceClient // nil: what is not here must not be called

	custom map[string]enumspb.IndexedValueType
	err    error
}

func (o *operator) ListSearchAttributes(
	context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption,
) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: o.custom}, o.err
}

// applied applies Schedules in a namespace with the search attributes that were given to w.operator.
func applied(w *world, in activities.ApplySchedulesInput) (activities.ApplySchedulesResult, error) {
	w.temporal.On("OperatorService").Return(&w.operator)
	return run[activities.ApplySchedulesResult](w, w.ApplySchedules, in)
}

func TestTheSearchAttributeOfTheStateIsUsedOnlyWhereTheNamespaceHasIt(t *testing.T) {
	keyword := enumspb.INDEXED_VALUE_TYPE_KEYWORD
	for name, tc := range map[string]struct {
		operator operator
		there    bool
	}{
		"there":           {operator{custom: map[string]enumspb.IndexedValueType{wire.StateAttribute: keyword, "Other": keyword}}, true},
		"not there":       {operator{custom: map[string]enumspb.IndexedValueType{"Other": keyword}}, false},
		"of another type": {operator{custom: map[string]enumspb.IndexedValueType{wire.StateAttribute: enumspb.INDEXED_VALUE_TYPE_INT}}, false},
		"nobody may ask":  {operator{err: errors.New("permission denied")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.operator = tc.operator
			result, err := applied(w, activities.ApplySchedulesInput{Integration: acme})
			require.NoError(t, err, "it is a convenience")
			require.Equal(t, tc.there, result.StateAttribute)
		})
	}
}
