package main

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/wire"
)

// registerState registers the search attribute ThreatShareState and waits until the server has it. One that is there already
// is as good.
func registerState(ctx context.Context, temporal client.Client) error {
	_, err := temporal.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        client.DefaultNamespace,
		SearchAttributes: map[string]enumspb.IndexedValueType{wire.StateAttribute: enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	if _, there := errors.AsType[*serviceerror.AlreadyExists](err); err != nil && !there {
		return fmt.Errorf("register the search attribute %s: %w", wire.StateAttribute, err)
	}
	return harness.Until(ctx, "wait for the search attribute", func() error {
		known, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{
			Namespace: client.DefaultNamespace,
		})
		if err == nil && known.GetCustomAttributes()[wire.StateAttribute] != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			err = errors.New("the server does not have it yet")
		}
		return err
	})
}
