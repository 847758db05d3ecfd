package guard_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/publicsuffix"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
)

// entriesOf gives the lines of a list file that are no comments.
func entriesOf(t require.TestingT, path string) []string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var entries []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			entries = append(entries, line)
		}
	}
	return entries
}

func TestEveryListSaysWhereItIsFrom(t *testing.T) {
	paths, err := filepath.Glob("lists/*.txt")
	require.NoError(t, err)
	require.Len(t, paths, 10, "a new list needs a reason in Embedded and a line in lists/README.md")
	readme, err := os.ReadFile("lists/README.md")
	require.NoError(t, err)
	size := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		size += len(text)
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		require.Regexp(t, `\A# name: `+name+`\n# version: .+\n# date: \d{4}-\d\d-\d\d\n# origin: .+\n# licence: .+\n#\n# `, string(text), path)
		require.Contains(t, string(readme), name)
		entries := entriesOf(t, path)
		require.True(t, slices.IsSorted(entries), path)
		require.Len(t, slices.Compact(slices.Clone(entries)), len(entries), path)
	}
	require.Less(t, size, 400<<10)
}

func TestFault_D10_EveryEntryOfAListIsAValueThatTheGuardMeets(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	for name, reasons := range map[string][]indicator.Reason{
		"vendor-hosts": {guard.VendorHost}, "free-mail": {guard.FreeMail}, "mailbox-providers": {guard.FreeMail},
		"popular-sites": {guard.PopularSite, guard.FreeMail}, "essential-services": {guard.PopularSite, guard.FreeMail},
		"shared-hosts":    {guard.SharedHosting, guard.PopularSite, guard.FreeMail},
		"link-shorteners": {guard.SharedHosting, guard.PopularSite, guard.FreeMail},
		"hosting-parents": {guard.SharedHosting, guard.PopularSite, guard.FreeMail},
	} {
		for _, entry := range entriesOf(t, "lists/"+name+".txt") {
			in := domain(t, entry)
			require.Equal(t, entry, in.Value, "%s: not canonical", name)
			refused := rules.Check(in)
			require.NotNil(t, refused, "%s: %s", name, entry)
			require.Contains(t, reasons, refused.Reason, "%s: %s", name, entry)
		}
	}
	for _, entry := range entriesOf(t, "lists/special-use.txt") {
		requireHeld(t, rules, domain(t, "any."+entry), guard.SpecialUse)
		suffix, icann := publicsuffix.PublicSuffix("any." + entry)
		require.True(t, !icann || suffix != entry || entry == "arpa" || entry == "onion", "%s is in the public DNS", entry)
	}
	for _, entry := range entriesOf(t, "lists/known-good-hashes.txt") {
		value, what, _ := strings.Cut(entry, " ")
		require.NotEmpty(t, what)
		require.NotNil(t, rules.Check(hash(t, value)))
	}
}

func TestFault_D10_WellKnownProvidersAndSitesAreHeld(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	probe := `gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk ymail.com aol.com icloud.com me.com
		protonmail.com proton.me gmx.de gmx.net web.de t-online.de freenet.de mail.ru yandex.ru qq.com 163.com 126.com naver.com hanmail.net
		orange.fr wanadoo.fr free.fr laposte.net libero.it seznam.cz wp.pl o2.pl uol.com.br terra.com.br rediffmail.com zoho.com fastmail.com
		hushmail.com tutanota.com tuta.com mail.com inbox.com comcast.net verizon.net att.net cox.net btinternet.com bigpond.com abv.bg ukr.net
		posteo.de mailbox.org disroot.org smtp.mail.yahoo.com
		google.com www.google.com docs.google.com drive.google.com youtube.com microsoft.com login.microsoftonline.com amazon.com
		apple.com wikipedia.org en.wikipedia.org github.com linkedin.com paypal.com office.com windowsupdate.com cloudflare.com
		sqs.eu-west-1.amazonaws.com letsencrypt.org fonts.googleapis.com dropbox.com
		bit.ly x.bit.ly t.ly rebrand.ly cutt.ly raw.githubusercontent.com transfer.sh pastebin.com gofile.io discordapp.net mega.nz
		sharepoint.com tumblr.com glitch.me www.glitch.me amazonaws.com windows.net`
	for _, name := range strings.Fields(probe) {
		refused := rules.Check(domain(t, name))
		require.NotNil(t, refused, name)
		require.False(t, guard.Hard(refused.Reason), "%s: %s", name, refused)
		require.Regexp(t, `^[a-z-]+ of \d{4}-\d\d-\d\d: [a-z0-9.-]+$`, refused.Detail, "list, edition and entry")
	}
	requireHeld(t, rules, domain(t, "gmail.com"), guard.FreeMail)
	requireHeld(t, rules, domain(t, "docs.google.com"), guard.PopularSite)
	requireHeld(t, rules, domain(t, "x.t.ly"), guard.SharedHosting)
}

func TestCustomersOfAHostAreJudgedByThemselves(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	for _, name := range []string{
		"evil-4711.github.io", "evil-4711.pages.dev", "evil-4711.duckdns.org", "evil-4711.wordpress.com", "evil-4711.sharepoint.com",
		"evil-4711.weebly.com", "login.evil-4711.weebly.com", "evil-4711.s3.amazonaws.com", "evil-4711.web.app", "evil-4711.blob.core.windows.net",
	} {
		requireShared(t, rules, domain(t, name))
	}
	for _, name := range []string{"www.weebly.com", "weebly.com", "www.wordpress.com"} {
		require.NotNil(t, rules.Check(domain(t, name)), name)
	}
}

func TestThrowAwayMailProvidersAreShared(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	for _, name := range []string{"mailinator.com", "yopmail.com", "guerrillamail.com", "10minutemail.com", "sharklasers.com"} {
		requireShared(t, rules, domain(t, name))
	}
}

func TestFault_D11_EmptyAndKnownGoodFilesAreHeld(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	sum := func(content string) indicator.Indicator {
		digest := sha256.Sum256([]byte(content))
		return hash(t, hex.EncodeToString(digest[:]))
	}
	require.Empty(t, requireHeld(t, rules, sum(""), guard.EmptyFile))
	for _, content := range []string{
		"\n", "\r\n", "\x00", strings.Repeat("\x00", 4096), "{}", "\xef\xbb\xbf", "PK\x05\x06" + strings.Repeat("\x00", 18),
	} {
		requireHeld(t, rules, sum(content), guard.KnownGood)
	}
	eicar := hash(t, "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f")
	require.Regexp(t, `^known-good-hashes of \d{4}-\d\d-\d\d: the EICAR test file$`, requireHeld(t, rules, eicar, guard.KnownGood))
	requireShared(t, rules, sum("anything else"))
}

func TestFault_D4_MisleadingLettersAreHeldInBothForms(t *testing.T) {
	rules := rulesFor(t, guard.Tenant{})
	for _, name := range []string{
		"pаypal-4711.com", "gооgle-4711.com", "аррӏе.com", "xn--80ak6aa92e.com", "login.сосасо.ru", "ορο.com", "micrοsoft-4711.com", "abc公司.com", "кириллицаlatin.com",
	} {
		detail := requireHeld(t, rules, domain(t, name), guard.Homograph)
		require.Contains(t, detail, "xn--")
		require.Regexp(t, `[^\x00-\x7f]`, detail)
	}
	require.Equal(t, "a label that reads as Latin: аррӏе.com is xn--80ak6aa92e.com", requireHeld(t, rules, domain(t, "аррӏе.com"), guard.Homograph))
	for _, name := range []string{"москва-банк-4711.com", "bücher-4711.com", "公司-4711.com", "日本のニュース4711.jp", "한국-4711.kr", "παράδειγμα-4711.gr", "☃-4711.com"} {
		requireShared(t, rules, domain(t, name))
	}
}

func TestFault_D7_AnUnknownTopLevelDomainIsHeldForRelease(t *testing.T) {
	requireHeld(t, rulesFor(t, guard.Tenant{}), domain(t, "evil.nosuchtld"), guard.UnknownTLD)
	requireShared(t, rulesFor(t, guard.Tenant{Allow: []string{"evil.nosuchtld"}}), domain(t, "evil.nosuchtld"))
}
