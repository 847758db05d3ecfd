// Package notify puts into words what people are told by mail: that an integration needs a person, and that it is well
// again. How mail travels is package mail's business. Pure.
package notify

import (
	"errors"
	"time"
)

// ErrNoServer says that there is no mail server to send by.
var ErrNoServer = errors.New("the worker has no mail server: set THREATSHARE_SMTP_URL and THREATSHARE_MAIL_FROM, and restart it")

// Kind is what a notice is about.
type Kind string

// The kinds.
const (
	PermanentError Kind = "permanent_error" // a person has to mend something
	Degraded       Kind = "degraded"        // something has been failing for over an hour and is still being tried
	Recovered      Kind = "connected"       // all of it works again
	Unread         Kind = "unread"          // records are in a shape that is not understood
	Gap            Kind = "gap"             // records were missed for good, since the vendor keeps them too short
)

// Notice is something that people are to be told. It stands in histories: add fields, do not rename them.
type Notice struct {
	Integration string    `json:"integration"`
	Number      int       `json:"number"` // counts the notices of the integration: a mail that is sent twice has the same
	Kind        Kind      `json:"kind"`
	Since       time.Time `json:"since"`
	// Problems are what is wrong, or, for Recovered, what was. What is a vendor, a flow or a part of the settings; Reason
	// says what to do.
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is one thing that is wrong.
type Problem struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
	Unread bool   `json:"unread,omitempty"` // records could not be read: nothing has stopped
}

// Links are where people look and what they call: they depend on the installation.
type Links struct {
	UI        string // address of the Temporal UI such as "https://temporal.example"; "": not known
	Console   string // address of the console, likewise
	Namespace string
}

// Mail is a notice in words.
type Mail struct {
	ID      string // the part of the Message-ID before the @: the same notice gives the same
	Subject string
	Text    string // plain text, lines of at most 78 characters where words allow
}
