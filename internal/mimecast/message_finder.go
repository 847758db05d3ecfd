package mimecast

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathFindMessages = "/api/message-finder/search"
	pathMessageInfo  = "/api/message-finder/get-message-info"

	searchReason = "Threat Share"

	maxMessageID    = 998     // characters: a line of a mail
	maxHeader       = 8192    // bytes of a header that is unfolded
	maxTransmission = 1 << 20 // bytes of headers that are looked at
)

type trackOptions struct {
	From string `json:"from"` // address or domain
}

// messageFilter is what is searched for. The dates stand outside the options.
type messageFilter struct {
	Options      trackOptions `json:"advancedTrackAndTraceOptions"`
	Route        []string     `json:"route"`
	Status       []string     `json:"status"`
	Start        string       `json:"start"`
	End          string       `json:"end"`
	SearchReason string       `json:"searchReason"`
}

type messageRequest struct {
	Meta requestMeta      `json:"meta"`
	Data [1]messageFilter `json:"data"`
}

type sender struct {
	EmailAddress text `json:"emailAddress"`
}

type trackedMail struct {
	ID      text   `json:"id"`
	Status  text   `json:"status"`
	FromEnv sender `json:"fromEnv"`
	FromHdr sender `json:"fromHdr"`
}

type messageAnswer struct {
	Meta meta `json:"meta"`
	Data many[struct {
		TrackedEmails many[trackedMail] `json:"trackedEmails"`
	}] `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

// FindMessages searches the message tracking, which goes back 30 days, for inbound mail that was delivered from the domain or
// one below it, each once, in the vendor's order: at most limit messages, and whether there are more. Every failure is a
// *vendorapi.Error. Contract section 8.3.
func (c *Client) FindMessages(ctx context.Context, domain string, start, end time.Time, limit int) (messages []indicator.Message, more bool, err error) {
	request := messageRequest{Data: [1]messageFilter{{
		Options: trackOptions{From: domain}, Route: []string{"inbound"}, Status: []string{"delivery", "archived"},
		Start: formatDate(start), End: formatDate(end), SearchReason: searchReason,
	}}}
	met := map[string]bool{}
	_, err = allPages(http.MethodPost+" "+pathFindMessages, func(token string) ([]trackedMail, string, error) {
		request.Meta = c.pageMeta(token)
		var page messageAnswer
		answer, err := c.post(ctx, pathFindMessages, request, &page)
		if err == nil && len(page.Fail) > 0 {
			err = partial(pathFindMessages, answer, page.Fail)
		}
		if err != nil {
			return nil, "", err
		}
		var tracked []trackedMail
		for _, entry := range page.Data {
			tracked = append(tracked, entry.TrackedEmails...)
		}
		for _, mail := range tracked {
			message, found := mail.from(domain)
			switch {
			case !found || met[message.ID]:
			case len(messages) == limit:
				more = true
				return nil, "", nil
			default:
				met[message.ID] = true
				messages = append(messages, message)
			}
		}
		return tracked, page.Meta.next(), nil
	})
	if err != nil {
		return nil, false, err
	}
	return messages, more, nil
}

// from gives the message if it really comes from the domain and was not kept out. The search takes a part of an address for a
// match, and mail that was rejected or bounced was not delivered.
func (m trackedMail) from(domain string) (indicator.Message, bool) {
	if m.ID == "" || m.Status.is("rejected") || m.Status.is("bounced") {
		return indicator.Message{}, false
	}
	for _, from := range []sender{m.FromHdr, m.FromEnv} {
		address := strings.Trim(strings.TrimSpace(string(from.EmailAddress)), "<>")
		_, host, found := cutLast(address, "@")
		host = strings.TrimSuffix(strings.ToLower(host), ".")
		if found && (host == domain || strings.HasSuffix(host, "."+domain)) {
			return indicator.Message{ID: string(m.ID), From: vendorapi.Clean(address)}, true
		}
	}
	return indicator.Message{}, false
}

func cutLast(address, sep string) (before, after string, found bool) {
	at := strings.LastIndex(address, sep)
	if at < 0 {
		return address, "", false
	}
	return address[:at], address[at+len(sep):], true
}

type mailInfo struct {
	MessageInfo struct {
		TransmissionInfo text `json:"transmissionInfo"`
	} `json:"messageInfo"`
}

type messageInfoAnswer struct {
	Data many[struct {
		RecipientInfo    mailInfo            `json:"recipientInfo"`
		DeliveredMessage map[string]mailInfo `json:"deliveredMessage"` // by recipient
	}] `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

// MessageID gives the Message-ID of a mail that FindMessages gave, with its angle brackets. A mail without one, or with two
// that differ, is an error of class Rejected: it cannot be told from others. Every failure is a *vendorapi.Error. Contract
// section 8.3.
func (c *Client) MessageID(ctx context.Context, id string) (string, error) {
	var out messageInfoAnswer
	answer, err := c.post(ctx, pathMessageInfo, idRequest{Data: [1]idRef{{id}}}, &out)
	if err == nil && len(out.Fail) > 0 {
		err = partial(pathMessageInfo, answer, out.Fail)
	}
	if err != nil {
		return "", err
	}
	var found []string
	for _, info := range out.Data {
		found = append(found, messageIDs(string(info.RecipientInfo.MessageInfo.TransmissionInfo))...)
		for _, delivered := range info.DeliveredMessage {
			found = append(found, messageIDs(string(delivered.MessageInfo.TransmissionInfo))...)
		}
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) != 1 {
		return "", &vendorapi.Error{
			Class: vendorapi.Rejected, Vendor: vendor, Operation: http.MethodPost + " " + pathMessageInfo, Status: answer.Status,
			Message: fmt.Sprintf("the message has %d Message-IDs, so it cannot be told from others", len(found)),
		}
	}
	return found[0], nil
}

// messageIDs reads the Message-ID headers out of a transmissionInfo: raw headers as the text of a page, so that < stands as
// &lt;, sometimes folded over lines. The headers are the sender's: they are parted into lines before anything is unescaped,
// because a line break that is written &#10; in a subject would make a header of what follows it.
func messageIDs(transmission string) []string {
	if len(transmission) > maxTransmission {
		transmission = transmission[:maxTransmission]
	}
	transmission = strings.TrimPrefix(strings.TrimLeft(transmission, " \t\r\n"), "<pre>")
	var ids []string
	header := ""
	for line := range strings.Lines(strings.TrimLeft(transmission, "\r\n") + "\n\n") {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			if len(header) < maxHeader { // a longer one is none that is looked for
				header += line
			}
			continue
		}
		if id := messageIDOf(header); id != "" {
			ids = append(ids, id)
		}
		if line == "" {
			break // what follows the headers is the text
		}
		header = line
	}
	return ids
}

// messageIDOf gives the value of an unfolded header if it is a Message-ID that can be one, in angle brackets.
func messageIDOf(header string) string {
	name, value, found := strings.Cut(header, ":")
	if !found || !strings.EqualFold(strings.TrimSpace(name), "Message-ID") {
		return ""
	}
	value = strings.TrimSuffix(strings.TrimSpace(value), "</pre>")
	for range 2 { // escaped twice is known from other answers
		value = html.UnescapeString(value)
	}
	value = strings.TrimSpace(value)
	if inside, found := strings.CutPrefix(value, "<"); found {
		inside, _, _ = strings.Cut(inside, ">")
		return bracketed(strings.Join(strings.Fields(inside), ""), true) // joined where it was folded
	}
	first, _, _ := strings.Cut(value, " ")
	return bracketed(first, true)
}

// bracketed gives a Message-ID with or without its angle brackets; empty if it cannot be one.
func bracketed(id string, brackets bool) string {
	id = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
	outside := func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }
	if id == "" || len(id) > maxMessageID || strings.ContainsFunc(id, outside) {
		return ""
	}
	if brackets {
		return "<" + id + ">"
	}
	return id
}
