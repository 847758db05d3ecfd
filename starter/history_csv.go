package main

import (
	"encoding/csv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/threatshare/threatshare/internal/indicator"
)

// longestCSVCell bounds a cell, in characters: whatever the ledger keeps fits.
const longestCSVCell = 8000

// formulaStarts are the characters that make a spreadsheet take a cell for a formula (OWASP, CSV Injection).
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// writeCSV writes a header line and one line for each entry.
func (a *app) writeCSV(entries []historyEntry) error {
	out := csv.NewWriter(a.out)
	records := [][]string{{
		"value", "kind", "list", "state", "reason", "detail", "source", "record", "action", "severity", "run", "vendor_id", "tries",
		"recorded_at", "changed_at", "seen_at", "expires_at", "due_at", "due_reason", "remediations",
	}}
	for _, e := range entries {
		removals := make([]string, len(e.Remediations))
		for i, removal := range e.Remediations {
			removals[i] = removal.String()
		}
		record := []string{
			e.Value, e.Kind, e.List, e.State, string(e.Reason), e.Detail, string(e.Source), e.Record, e.Action, e.Severity, e.Run, e.VendorID,
			strconv.Itoa(e.Tries), inFull(e.RecordedAt), inFull(e.ChangedAt), inFull(e.SeenAt), inFull(e.ExpiresAt), inFull(e.DueAt),
			string(e.DueReason), strings.Join(removals, "; "),
		}
		for i := range record {
			record[i] = csvCell(record[i])
		}
		records = append(records, record)
	}
	if err := out.WriteAll(records); err != nil {
		return notDone("write CSV: %w", err)
	}
	return nil
}

// csvCell makes a text from outside fit for a spreadsheet: what does not print is escaped, and nothing is a formula.
func csvCell(text string) string {
	cell := indicator.Printable(text, longestCSVCell)
	if first, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formulaStarts, first) {
		return "'" + cell
	}
	return cell
}

// inFull is a time as the ledger has it; empty if there is none.
func inFull(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}
