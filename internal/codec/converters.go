package codec

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// Use makes a client, and the workers on it, encrypt with the ring and decrypt by it. An empty ring encrypts nothing.
func (r *Ring) Use(options *client.Options) {
	plain := converter.GetDefaultDataConverter()
	data := dataConverter{converter.NewCodecDataConverter(plain, r), plain, r, func(err error) error { return err }}
	options.DataConverter = data
	options.FailureConverter = failureConverter{temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: data, EncodeCommonAttributes: !r.Empty(), // the message and the stack trace
	}), r}
}

// dataConverter is the SDK's converter with the ring. What is taken raw is handed over as it came if it cannot be read: the
// inbox of a workflow takes what people send like that, and a signal that nobody can ever read must not stop it.
type dataConverter struct {
	converter.DataConverter

	plain converter.DataConverter
	ring  *Ring
	// unread gets the error of a payload that cannot be read, and says what it comes to.
	unread func(err error) error
}

var _ converter.ContextAware = dataConverter{}

// WithWorkflowContext gives the converter for workflow code, to which the lack of a key must not look like a result: an input
// that cannot be read would end the workflow, and an answer that cannot be read would send it another way than its history.
// So it panics, which by the SDK's contract of a PayloadCodec makes the server try the workflow task again until a worker has
// the key.
func (c dataConverter) WithWorkflowContext(converter.WorkflowContext) converter.DataConverter {
	c.unread = func(err error) error { panic(fmt.Errorf("the workflow waits for its key: %w", err)) }
	return c
}

// WithContext gives the converter for everything else: an error is an error there.
func (c dataConverter) WithContext(context.Context) converter.DataConverter { return c }

func (c dataConverter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	if payload == nil {
		return nil
	}
	opened, err := c.opened(payload, valuePtr)
	if err != nil {
		return err
	}
	return c.plain.FromPayload(opened, valuePtr)
}

func (c dataConverter) FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) error {
	if payloads == nil {
		return c.plain.FromPayloads(nil, valuePtrs...)
	}
	all := make([]*commonpb.Payload, len(payloads.GetPayloads()))
	for i, payload := range payloads.GetPayloads() {
		all[i] = payload
		if i >= len(valuePtrs) {
			continue // nobody reads it
		}
		var err error
		if all[i], err = c.opened(payload, valuePtrs[i]); err != nil {
			return err
		}
	}
	return c.plain.FromPayloads(&commonpb.Payloads{Payloads: all}, valuePtrs...)
}

func (c dataConverter) opened(payload *commonpb.Payload, valuePtr any) (*commonpb.Payload, error) {
	opened, err := c.ring.open(payload)
	if err == nil {
		return opened, nil
	}
	if _, raw := valuePtr.(*converter.RawValue); raw {
		return payload, nil
	}
	return nil, c.unread(err)
}

// failureConverter says of a failure that cannot be read which key is missing, where the SDK leaves "Encoded failure".
type failureConverter struct {
	converter.FailureConverter

	ring *Ring
}

func (c failureConverter) FailureToError(failure *failurepb.Failure) error {
	if failure == nil {
		return nil
	}
	copied := proto.CloneOf(failure)
	for at := copied; at != nil; at = at.GetCause() {
		if encoded := at.GetEncodedAttributes(); encoded != nil {
			if _, err := c.ring.open(encoded); err != nil {
				at.Message, at.EncodedAttributes = "the text of this failure cannot be read: "+err.Error(), nil
			}
		}
	}
	return c.FailureConverter.FailureToError(copied)
}
