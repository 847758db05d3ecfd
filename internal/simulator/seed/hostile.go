package seed

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// hugeText is longer than anything that a log holds by rights.
const hugeText = 10 << 20

// hostile adds records whose values try to hurt whoever reads them. All of them count as malicious, so that it is the
// value alone that has to be refused. A few are unusual and good all the same.
func (g *generator) hostile() error {
	lanes := []struct {
		into   *[]json.RawMessage
		values []string
		good   map[string]string // what comes of it, for the good ones
		record func(*writer, time.Time, string) any
		kind   string
		source string
	}{
		{&g.out.Attachments, hostileHashes(), g.goodHashes(), func(w *writer, at time.Time, value string) any {
			return g.attachment(w, at, value)
		}, SHA256, AttachmentHashes},
		{&g.out.URLs, g.hostileURLs(), g.goodURLs(), func(w *writer, at time.Time, value string) any {
			return g.click(w, at, value)
		}, Domain, URLDomains},
		{&g.out.Impersonations, g.hostileSenders(), nil, func(w *writer, at time.Time, value string) any {
			return g.impersonation(w, at, value, g.noiseNumber(w))
		}, Domain, ImpersonationDomains},
	}
	for i, lane := range lanes {
		w := &writer{rng: rand.New(rand.NewPCG(g.opts.Seed, uint64(100+i))), lane: i}
		values := slices.Clone(lane.values)
		for _, raw := range slices.Sorted(maps.Keys(lane.good)) {
			g.expect(lane.kind, lane.good[raw], lane.source)
			values = append(values, raw)
		}
		span := g.opts.To.Sub(g.opts.From)
		for n, value := range values {
			w.add(lane.record(w, g.opts.From.Add(span*time.Duration(2*n+1)/time.Duration(2*len(values))), value))
		}
		if w.err != nil {
			return w.err
		}
		*lane.into = append(*lane.into, w.records...)
	}
	return nil
}

func (g *generator) goodHashes() map[string]string {
	hash := g.hash(&writer{lane: 7}, 0)
	return map[string]string{strings.ToUpper(hash): hash}
}

func (g *generator) goodURLs() map[string]string {
	w := &writer{lane: 8}
	first, second, third := g.domain(w, 0), g.domain(w, 1), g.domain(w, 2)
	return map[string]string{
		"https://" + strings.ToUpper(first) + "/A": first,
		"https://" + second + "./trailing-dot":     second,
		"http://" + third + ":8443/port?a=1#part":  third,
	}
}

func hostileHashes() []string {
	return []string{
		"", "deadbeef", strings.Repeat("z", 64), "d41d8cd98f00b204e9800998ecf8427e", strings.Repeat("a", 65),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", // the empty file
		"=cmd|' /C calc'!A0", "<script>alert(1)</script>", strings.Repeat("0", 63) + "\n",
	}
}

func (g *generator) hostileURLs() []string {
	w := &writer{lane: 9}
	bad := g.domain(w, 0)
	return []string{
		"javascript:alert(document.cookie)", "data:text/html;base64,PHNjcmlwdD4=", "file:///etc/passwd",
		"http:" + bad, "hxxps://" + bad + "/x", "https://" + strings.Replace(bad, ".", "[.]", 1) + "/x",
		"https://" + bad + "\r\nX-Injected: yes/", "https://ev\x00il." + bad + "/", "https://a\tb." + bad + "/",
		"https://\u202emoc." + bad + "/", "https://zero\u200bwidth." + bad + "/", "https://\x1b[31mred." + bad + "/",
		"https://127.0.0.1/", "http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://[::ffff:10.0.0.1]/",
		"http://[fe80::1%25eth0]/", "http://017700000001/", "https://co.uk/", "https://github.io/", "https://com/",
		"https://*." + bad + "/", "https://*/", "https://.." + bad + "/", "https:///path-only",
		"https://p\u0430ypage-" + bad + "/", // a Cyrillic letter among Latin ones
		"https://xn--99999999999." + bad + "/", "https://" + strings.Repeat("a", 64) + "." + bad + "/",
		"https://" + strings.Repeat("a.", 200) + bad + "/", "https://" + strings.Repeat("x", hugeText) + "/",
		"{{7*7}}", "https://", "",
	}
}

func (g *generator) hostileSenders() []string {
	w := &writer{lane: 10}
	bad := g.domain(w, 0)
	return []string{
		"<>", "", "no-at-sign", "a@", "@", "a@co.uk", "a@[192.0.2.1]", "a@192.0.2.1", "a@*." + bad, "a@localhost",
		"a@" + bad + "\r\nBcc: everyone@" + InternalDomains()[0], "a@\u202e" + bad, "a@" + strings.Repeat("b", 300) + ".com",
	}
}
