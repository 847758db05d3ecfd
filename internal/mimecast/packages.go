package mimecast

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/threatshare/threatshare/internal/access"
)

const pathAccount = "/api/account/get-account"

// paidPackage is a package that an account has to have for a function, by the number that Mimecast puts behind its name.
type paidPackage struct {
	name   string
	number int
}

func (p paidPackage) String() string { return p.name + " [" + strconv.Itoa(p.number) + "]" }

// packageFor is the table of contract section 1.4; false for a function that every account has.
func packageFor(function access.Function) (paidPackage, bool) {
	switch function {
	case access.BlockHashes:
		return paidPackage{"BYO: Threat Intelligence", 1089}, true
	case access.RemediateMail:
		return paidPackage{"Threat Remediation", 1075}, true
	case access.ReadURLLogs, access.DecodeLinks, access.BlockURLs, access.UnblockURLs:
		return paidPackage{"URL Protection (Site)", 1043}, true
	case access.ReadAttachmentLogs:
		return paidPackage{"Attachment Protection (Site)", 1056}, true
	case access.ReadImpersonationLogs:
		return paidPackage{"Impersonation Protection", 1060}, true
	default:
		return paidPackage{}, false
	}
}

// MissingPackages gives those of functions that need a package which the account does not list, with the package's name and
// number: "Threat Remediation [1075]". Packages are told by their numbers, whether Mimecast gives texts or objects. That a
// function fails without its package is not certain, so this is for a warning. Nothing else of the account's data, among which
// are secrets, is kept. Every failure is a *vendorapi.Error; of class Contract if the account lists no packages at all.
// Contract sections 1.4 and 9.
func (c *Client) MissingPackages(ctx context.Context, functions []access.Function) (map[access.Function]string, error) {
	var account struct {
		Data many[struct {
			Packages many[json.RawMessage] `json:"packages"`
		}] `json:"data"`
		Fail many[failEntry] `json:"fail"`
	}
	answer, err := c.post(ctx, pathAccount, nothing{}, &account)
	if err != nil {
		return nil, err
	}
	var listed []int
	for _, entry := range account.Data {
		for _, paid := range entry.Packages {
			listed = append(listed, packageNumbers(paid)...)
		}
	}
	switch {
	case len(account.Fail) > 0:
		return nil, partial(pathAccount, answer, account.Fail)
	case len(listed) == 0:
		return nil, contractError(http.MethodPost+" "+pathAccount, answer.Status, "the account lists no packages")
	}
	missing := map[access.Function]string{}
	for _, function := range functions {
		if needed, found := packageFor(function); found && !slices.Contains(listed, needed.number) {
			missing[function] = needed.String()
		}
	}
	return missing, nil
}

var (
	numberInBrackets = regexp.MustCompile(`\[(\d{1,9})\]`)
	anyNumber        = regexp.MustCompile(`\d{1,9}`)
)

// packageNumbers reads the number of a package: behind its name in brackets, or anywhere in an object, whose fields nobody has
// written down.
func packageNumbers(raw json.RawMessage) []int {
	found := numberInBrackets.FindAllStringSubmatch(string(raw), -1)
	if len(found) == 0 && strings.HasPrefix(string(raw), "{") {
		found = anyNumber.FindAllStringSubmatch(string(raw), -1)
	}
	numbers := make([]int, 0, len(found))
	for _, match := range found {
		if number, err := strconv.Atoi(match[len(match)-1]); err == nil {
			numbers = append(numbers, number)
		}
	}
	return numbers
}
