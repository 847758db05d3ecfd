package notify

// MailError is why a mail has not reached everybody, or why the mail server cannot be used. Its text says what to do; it
// names no recipient, holds no secret and prints as one line.
type MailError struct {
	Reason string
	// Final says that the server refuses for good: the credentials, the sender, the recipients or the mail. Another try gets
	// the same answer until a person has changed something.
	Final bool
	// Left are the recipients that have not got the mail; the others need no second one.
	Left []string
}

func (e *MailError) Error() string { return e.Reason }
