package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/threatshare/threatshare/internal/indicator"
)

// failure is why a page cannot be shown or something was not done, in words that say what to do.
type failure struct {
	status      int
	title, what string
}

func (f *failure) Error() string { return f.what }

// Title and What are for the page.
func (f *failure) Title() string { return f.title }

// What is the text of the page.
func (f *failure) What() string { return f.what }

// about is the integration whose page failed, if there is one.
func (f *failure) about(r *http.Request) string {
	if f.status == http.StatusNotFound {
		return ""
	}
	return r.PathValue("name")
}

func notFound(what string) *failure {
	return &failure{status: http.StatusNotFound, title: "Not found", what: what}
}

// noIntegration says that none of the name is running.
func noIntegration(name string) *failure {
	return notFound(fmt.Sprintf("No integration %q is running.", indicator.Printable(name, 60)))
}

// failureOf says in words what went wrong.
func failureOf(err error) *failure {
	if told, is := errors.AsType[*failure](err); is {
		return told
	}
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return &failure{status: http.StatusNotFound, title: "Not found", what: "Temporal does not know it: it is not running, or it ended long ago."}
	}
	if refused, is := errors.AsType[*temporal.ApplicationError](err); is {
		return &failure{status: http.StatusConflict, title: "Not done", what: indicator.Printable(refused.Message(), longest)}
	}
	if silent(err) {
		return &failure{
			status: http.StatusServiceUnavailable, title: "No answer",
			what: "The integration does not answer in time: is a worker running on its task queue? A change that was asked for may still be made.",
		}
	}
	if _, down := errors.AsType[*serviceerror.Unavailable](err); down {
		return &failure{status: http.StatusServiceUnavailable, title: "Temporal is not reached", what: "The Temporal server does not answer. Nothing is lost: the flows go on when it is back."}
	}
	return &failure{status: http.StatusInternalServerError, title: "Something went wrong", what: "The worker's log says what."}
}

// silent says whether nobody was there to answer.
func silent(err error) bool {
	if _, late := errors.AsType[*serviceerror.DeadlineExceeded](err); late {
		return true
	}
	if _, absent := errors.AsType[*serviceerror.FailedPrecondition](err); absent { // no poller on the task queue
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}
