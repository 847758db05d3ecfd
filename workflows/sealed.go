package workflows

import (
	"fmt"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

// sealed says why the worker cannot read what somebody sent, which then reaches workflow code as it came; empty if it can.
func sealed(input converter.RawValue) string {
	metadata := input.Payload().GetMetadata()
	if string(metadata[converter.MetadataEncoding]) != wire.Encrypted {
		return ""
	}
	return fmt.Sprintf("encrypted with the key %q, which the worker does not have or which does not open it",
		indicator.Printable(string(metadata[wire.EncryptionKeyID]), maxName))
}

// sendAgain is what whoever sent something sealed can do.
const sendAgain = ": put that key into the worker's THREATSHARE_CODEC_KEYS, then send this again"

// refused says whether a signal cannot be read, and why. That stands in the history, so that the signal stays refused when a
// worker that has the key by then replays it. A signal that could be read when it came, and cannot any more, waits for its
// key: refusing it now would be another story than the history's.
func (in *integration) refused(ctx workflow.Context, input converter.RawValue) (why string, refused bool) {
	in.signals++
	why = sealed(input)
	if why == "" && !workflow.IsReplaying(ctx) {
		return "", false
	}
	unread := fmt.Sprintf("unread-signal-%d", in.signals)
	if workflow.GetVersion(ctx, unread, workflow.DefaultVersion, 1) == 1 {
		if why == "" {
			return "could not be decrypted when it came; send it again", true
		}
		return why + sendAgain, true
	}
	awaitKey(why)
	return "", false
}

// awaitKey stops the workflow task, which the server then has tried again, if there is something that the worker cannot open.
func awaitKey(why string) {
	if why != "" {
		panic("the workflow waits for its key: what was sent is " + why + ": put that key back at the end of the worker's THREATSHARE_CODEC_KEYS")
	}
}
