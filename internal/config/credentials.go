package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

var (
	setName     = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	setVariable = regexp.MustCompile(
		`^(?:([A-Z0-9_]+)_)??(?:MIMECAST_(?:BASE_URL|CLIENT_ID|CLIENT_SECRET(?:_FILE)?)|` +
			`FALCON_(?:BASE_URL|CLIENT_ID|CLIENT_SECRET(?:_FILE)?|MEMBER_CID))$`)
)

// Credentials is what one credential set holds. Printing it shows no secret.
type Credentials struct {
	Mimecast Mimecast `envPrefix:"MIMECAST_"`
	Falcon   Falcon   `envPrefix:"FALCON_"`
}

// Mimecast is the access to one Mimecast tenant.
type Mimecast struct {
	BaseURL      string `env:"BASE_URL"             envDefault:"https://api.services.mimecast.com"`
	ClientID     string `env:"CLIENT_ID,notEmpty"`
	ClientSecret Secret `env:"CLIENT_SECRET,notEmpty"`
}

// Falcon is the access to one Falcon tenant. The cloud is always said, since credentials are good in one cloud only.
type Falcon struct {
	BaseURL      string `env:"BASE_URL,notEmpty"`
	ClientID     string `env:"CLIENT_ID,notEmpty"`
	ClientSecret Secret `env:"CLIENT_SECRET,notEmpty"`
	MemberCID    string `env:"MEMBER_CID"` // for a parent tenant that acts for a child; usually empty
}

// MissingError names every variable that a credential set lacks. Only the operator can mend it.
type MissingError struct {
	Set       string   // empty for the default set
	Variables []string // in alphabetical order
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: not set: %s", setTitle(e.Set), strings.Join(e.Variables, ", "))
}

// InvalidError names every variable of a credential set that is there but cannot be used. Only the operator can mend it.
type InvalidError struct {
	Set      string // empty for the default set
	Problems []string
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s: %s", setTitle(e.Set), strings.Join(e.Problems, "; "))
}

func setTitle(set string) string {
	if set == "" {
		return "default credential set"
	}
	return fmt.Sprintf("credential set %q", set)
}

// Credentials gives a credential set: "" for the default set, "acme-eu" for the variables that start with ACME_EU_. The
// error is a *MissingError, an *InvalidError, or the two of them joined, so that everything wrong is told at once. Files
// are read anew at each call: a secret that was rotated in its file is taken without a restart.
func (c Config) Credentials(set string) (Credentials, error) {
	if set != "" && !setName.MatchString(set) {
		return Credentials{}, &InvalidError{Set: set, Problems: []string{"a name consists of 1 to 40 of a-z, 0-9 and -"}}
	}
	prefix := EnvPrefix(set)
	vars, unread := c.environment().withFiles(prefix+"MIMECAST_CLIENT_SECRET", prefix+"FALCON_CLIENT_SECRET")

	missing, invalid := &MissingError{Set: set}, &InvalidError{Set: set}
	for _, err := range unread {
		invalid.Problems = append(invalid.Problems, err.Error())
	}
	var creds Credentials
	err := env.ParseWithOptions(&creds, env.Options{Environment: vars, Prefix: prefix})
	for _, problem := range parseProblems(err) {
		empty, ok := errors.AsType[env.EmptyVarError](problem)
		switch {
		case !ok:
			invalid.Problems = append(invalid.Problems, problem.Error())
		case vars[empty.Key+fileSuffix] == "": // otherwise the file is what is wrong, and has been told
			missing.Variables = append(missing.Variables, empty.Key)
		}
	}
	invalid.checkBaseURL(prefix+"MIMECAST_BASE_URL", creds.Mimecast.BaseURL)
	invalid.checkBaseURL(prefix+"FALCON_BASE_URL", creds.Falcon.BaseURL)

	var problems []error
	if len(missing.Variables) > 0 {
		slices.Sort(missing.Variables)
		problems = append(problems, missing)
	}
	if len(invalid.Problems) > 0 {
		problems = append(problems, invalid)
	}
	if len(problems) > 0 {
		return Credentials{}, errors.Join(problems...)
	}
	return creds, nil
}

func (e *InvalidError) checkBaseURL(variable, address string) {
	if address == "" {
		return // missing, which is told elsewhere
	}
	if _, err := vendorapi.ParseBaseURL(address); err != nil {
		e.Problems = append(e.Problems, variable+": "+err.Error())
	}
}

// CredentialSets names the sets of which the environment has at least one variable, sorted; "" is the default set. An
// underscore in a variable reads as a dash, which is how a set is named in an integration's settings.
func (c Config) CredentialSets() []string {
	found := map[string]bool{}
	for variable, value := range c.environment() {
		match := setVariable.FindStringSubmatch(variable)
		if match == nil || value == "" {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(match[1], "_", "-"))
		if name == "" || setName.MatchString(name) {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (c Config) environment() environment {
	if c.sets == nil {
		return nil
	}
	return c.sets()
}

// EnvPrefix is what the names of a set's variables begin with: "ACME_EU_" for "acme-eu", "" for the default set.
func EnvPrefix(set string) string {
	if set == "" {
		return ""
	}
	return strings.ToUpper(strings.ReplaceAll(set, "-", "_")) + "_"
}
