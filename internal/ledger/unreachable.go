package ledger

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// The conditions of PostgreSQL that pass by themselves (PostgreSQL documentation, appendix A). A whole class is named by its
// first two characters.
const (
	connectionException = "08"
	adminShutdown       = "57P01"
	crashShutdown       = "57P02"
	cannotConnectNow    = "57P03" // it is starting, or stopping
	tooManyConnections  = "53300"
)

// Unreachable says whether an error of Open is worth waiting for: the database was not reached, or takes no connections at
// the moment. It is false for what a person has to put right: an address that cannot be read, credentials that are refused, a
// database that does not exist, a certificate, missing rights.
func Unreachable(err error) bool {
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refusal.Code {
		case adminShutdown, crashShutdown, cannotConnectNow, tooManyConnections:
			return true
		default:
			return strings.HasPrefix(refusal.Code, connectionException)
		}
	}
	// Not net.Error: that a file is missing, and other errors of the system, are of that kind too.
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return failed.Op != "remote error" && failed.Op != "local error" // by which TLS says that a side refuses the other
	}
	_, unresolved := errors.AsType[*net.DNSError](err)
	return unresolved || pgconn.Timeout(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
