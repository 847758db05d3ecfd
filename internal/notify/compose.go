package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/wire"
)

// What one mail holds at most. The limits of names and reasons are in characters.
const (
	maxText     = 16<<10 - 1 // bytes
	maxProblems = 20
	maxName     = 100
	maxWord     = 255 // of a command: the longest name of a namespace
	maxReason   = 1500
	maxHeadline = 70
)

// defaultNamespace is the one that Temporal's tools take when none is named.
const defaultNamespace = "default"

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

// Compose puts a notice into words: what is wrong, what to do about it, where to look and what to call then. Plain text. A
// reason may hold a vendor's words, and they may hold anything: they stand on lines of their own, set in, without a
// character that does not print and without a link that a mail program would make clickable.
func Compose(n Notice, at Links) Mail {
	name := printable(n.Integration, maxName)
	opening, advice := words(n, name)

	// What to do comes last, and has its place whatever the problems take.
	end := paragraph(advice) + commands(n, at)
	var b strings.Builder
	b.WriteString(paragraph(opening))
	for i, problem := range n.Problems {
		entry := list(problem)
		rest := paragraph(fmt.Sprintf("... and %d more, which `starter status` shows.", len(n.Problems)-i))
		if i == maxProblems || b.Len()+len(entry)+len(rest)+len(end) > maxText {
			b.WriteString(rest)
			break
		}
		b.WriteString(entry)
	}
	b.WriteString(end)
	return Mail{ID: id(n), Subject: fmt.Sprintf("[Threat Share %s] %s", name, headline(n)), Text: b.String()}
}

// words are how the mail begins, and what it says after the problems.
func words(n Notice, name string) (opening, advice string) {
	since := n.Since.UTC().Format("2006-01-02 15:04") + " UTC"
	switch n.Kind {
	case PermanentError:
		return fmt.Sprintf("The integration %s needs you: since %s there is a problem that only a person can solve.", name, since),
			"What this concerns has stopped; everything else goes on. Once the problem is solved, it continues where it stopped, and " +
				"nothing is lost as long as the vendor still keeps its records. When you have done what is said above, tell the integration:"
	case Degraded:
		return fmt.Sprintf("The integration %s has been failing for over an hour, as of %s.", name, since),
			"It keeps trying and continues where it stopped, so there may be nothing to do: another mail comes when all is well. " +
				"Everything else goes on. If you have mended something, this makes it try at once:"
	case Unread:
		return fmt.Sprintf("The integration %s could not read some of its records, as of %s.", name, since),
			"Everything else goes on, and another mail comes when all is well. How it does:"
	case Recovered:
		advice = "There is nothing left to do. It has continued where it stopped. How it does:"
		if slices.ContainsFunc(n.Problems, func(problem Problem) bool { return problem.Unread }) {
			advice = "What stood in the records that could not be read has not been shared: look for it at the vendor, or, with a version that reads " +
				"them, have them read again by the signal " + wire.ForgetCheckpoint + ". All else has continued where it stopped. How it does:"
		}
		return fmt.Sprintf("The integration %s is connected and all of it works again, as of %s. This is over:", name, since), advice
	case Gap:
		return fmt.Sprintf("The integration %s has missed records for good, as it found at %s.", name, since),
			"It goes on with what is there. What was found in that time is shared only if somebody looks there and adds it by hand. " +
				"How it does:"
	default:
		return fmt.Sprintf("The integration %s has something to say, as of %s.", name, since), "How it does:"
	}
}

// headline is the subject behind the brackets: what it is about, and the first problem in short.
func headline(n Notice) string {
	about := string(n.Kind)
	switch n.Kind {
	case PermanentError:
		about = "needs you"
	case Degraded:
		about = "failing for over an hour"
	case Unread:
		about = "records not read"
	case Recovered:
		return "connected again"
	case Gap:
		about = "records missed"
	default:
		about = printable(about, maxName)
	}
	if len(n.Problems) == 0 {
		return about
	}
	first := n.Problems[0]
	what := printable(first.What, maxName)
	reason := first.Reason
	// Errors of a vendor begin with its name, which has just been said.
	if head, rest, found := strings.Cut(reason, ": "); found && strings.EqualFold(head, what) {
		reason = rest
	}
	reason, _, _ = strings.Cut(reason, ";") // the remedy comes behind, and is for the text
	line := fmt.Sprintf("%s: %s: %s", about, what, printable(reason, maxHeadline))
	if strings.HasPrefix(reason, what+" ") { // "Falcon answered 403 …" needs no "Falcon:" before it
		line = fmt.Sprintf("%s: %s", about, printable(reason, maxHeadline))
	}
	if more := len(n.Problems) - 1; more > 0 {
		line += fmt.Sprintf(" (and %d more)", more)
	}
	return line
}

// commands are what to call and where to look.
func commands(n Notice, at Links) string {
	integration := indicator.Printable(n.Integration, maxWord)
	id, namespace := wire.IntegrationID(integration), indicator.Printable(at.Namespace, maxWord)
	if namespace == "" {
		namespace = defaultNamespace
	}
	where := ""
	if namespace != defaultNamespace {
		where = " --namespace " + shellWord(namespace)
	}

	var b strings.Builder
	line := func(words ...string) { b.WriteString("    " + strings.Join(words, " ") + where + "\n") }
	if n.Kind == PermanentError || n.Kind == Degraded {
		line("temporal workflow signal --workflow-id", shellWord(id), "--name", wire.Reconnect)
		b.WriteString("\nHow it does, and whether it has all that it needs:\n\n")
	}
	line("starter status", shellWord(integration))
	line("starter check", shellWord(integration))
	if at.Console != "" {
		b.WriteString("\nIn the console:\n\n")
		fmt.Fprintf(&b, "    %s/i/%s\n", at.Console, url.PathEscape(integration))
	}
	if at.UI != "" {
		b.WriteString("\nIn the Temporal UI:\n\n")
		fmt.Fprintf(&b, "    %s/namespaces/%s/workflows/%s\n", at.UI, url.PathEscape(namespace), url.PathEscape(id))
	}
	b.WriteString("\n" + wrap(fmt.Sprintf("Notice %d. Who gets these mails stands under notify in the settings of the integration.", n.Number), ""))
	return b.String()
}

// list is one problem: what it concerns, and why, set in.
func list(problem Problem) string {
	return wrap(printable(problem.What, maxName), "") + wrap(printable(problem.Reason, maxReason), "    ") + "\n"
}

func paragraph(text string) string { return wrap(text, "") + "\n" }

// printable is text as one line that is safe to show, at most limit characters long but for the brackets around the colon
// of each link in it.
func printable(text string, limit int) string {
	return strings.ReplaceAll(indicator.Printable(text, limit), "://", "[:]//")
}

// shellWord is a word as a shell takes it. Names of integrations are plain words; a notice in a history may hold another.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// id tells notices apart: the same one has the same, however often it is put into words.
func id(n Notice) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q %s", n.Integration, n.Number, n.Kind, n.Since.UTC().Format(time.RFC3339Nano)))
	return "threatshare." + hex.EncodeToString(sum[:16])
}
