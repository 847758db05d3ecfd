package config

import (
	"errors"

	"github.com/caarlos0/env/v11"
)

// CodecKeysVariable holds the keys that payloads are encrypted with.
const CodecKeysVariable = "THREATSHARE_CODEC_KEYS"

// CodecKeys gives the value of THREATSHARE_CODEC_KEYS, or the content of the file that THREATSHARE_CODEC_KEYS_FILE names, from
// an environment as os.Environ gives it; empty if neither is set. Every program that talks to Temporal reads it, not only the
// worker. The error names the variable and the file.
func CodecKeys(environ []string) (Secret, error) {
	vars, problems := environment(env.ToMap(environ)).withFiles(CodecKeysVariable)
	return NewSecret(vars[CodecKeysVariable]), errors.Join(problems...)
}
