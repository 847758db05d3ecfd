// Package config reads the worker's environment, once: its own settings, and the credential sets of the vendors. What it
// returns is valid. An integration's settings (what is shared, how, when) are not here: see package settings. The
// connection to Temporal has an environment of its own: see package boot.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Config is the worker's own settings. Printing it shows no secret.
type Config struct {
	// Ledger is where the ledger is kept: sqlite:<file> or postgres://<user>:<password>@<host>/<database>.
	Ledger Secret `env:"THREATSHARE_LEDGER" envDefault:"sqlite:threatshare.db"`
	// TaskQueue is the Temporal task queue that the worker serves.
	TaskQueue string `env:"THREATSHARE_TASK_QUEUE" envDefault:"threatshare"`
	// Listen is host:port of /healthz, /readyz, /metrics and the console; empty if they are switched off.
	Listen string `env:"THREATSHARE_LISTEN" envDefault:"127.0.0.1:8080"`
	// LogLevel is debug, info, warn or error.
	LogLevel slog.Level `env:"THREATSHARE_LOG_LEVEL" envDefault:"info"`
	// LogFormat is auto (pretty on a terminal, else json), pretty or json.
	LogFormat string `env:"THREATSHARE_LOG_FORMAT" envDefault:"auto"`
	// Warninglists is a folder of lists in MISP's warninglist format, in addition to those that are built in; empty for none.
	Warninglists string `env:"THREATSHARE_WARNINGLISTS"`
	// PrivateHosts are hosts of vendors' base URLs that may resolve to an address of the own network: gateways. Empty: none may.
	PrivateHosts []string `env:"THREATSHARE_PRIVATE_HOSTS"`
	// SMTPURL is the mail server for notifications, smtp:// or smtps://; empty: no mail is sent.
	SMTPURL Secret `env:"THREATSHARE_SMTP_URL"`
	// MailFrom is the sender of notifications; never empty if SMTPURL is not.
	MailFrom string `env:"THREATSHARE_MAIL_FROM"`
	// TemporalUI is the address of the Temporal UI, for links in mail; without a slash at its end, empty if not known.
	TemporalUI string `env:"THREATSHARE_TEMPORAL_UI"`
	// Console is on or off.
	Console string `env:"THREATSHARE_CONSOLE" envDefault:"on"`
	// ConsolePassword is asked for by the console; empty: nobody is asked, which only an address on loopback allows.
	ConsolePassword Secret `env:"THREATSHARE_CONSOLE_PASSWORD"`
	// ConsoleURL is where people reach the console, if that is not Listen; without a slash at its end.
	ConsoleURL string `env:"THREATSHARE_CONSOLE_URL"`

	// sets answers for the credential sets. It is a function, which no formatting verb looks into, since the environment
	// that it reads is full of secrets.
	sets func() environment
}

// Read makes the worker's settings from an environment as os.Environ gives it. The error has one line for each problem,
// naming the variable and never a secret's value. Problems of credential sets are not among them: they concern the
// integrations that use the set, and Credentials tells them.
func Read(environ []string) (Config, error) {
	vars := environment(env.ToMap(environ))
	own, problems := vars.withFiles("THREATSHARE_LEDGER", "THREATSHARE_SMTP_URL", "THREATSHARE_CONSOLE_PASSWORD")
	if listen, set := own["THREATSHARE_LISTEN"]; set && listen == "" {
		own["THREATSHARE_LISTEN"] = "off" // an empty variable says "none" here and does not fall back to the default
	}

	cfg := Config{sets: func() environment { return vars }}
	problems = append(problems, parseProblems(env.ParseWithOptions(&cfg, env.Options{Environment: own}))...)
	if cfg.Listen == "off" {
		cfg.Listen = ""
	}
	problems = append(problems, cfg.check()...)
	if len(problems) > 0 {
		return Config{}, errors.Join(problems...)
	}
	return cfg, nil
}

// parseProblems names the variable where the library names the Go field.
func parseProblems(err error) []error {
	if err == nil {
		return nil
	}
	all, several := errors.AsType[env.AggregateError](err)
	if !several {
		return []error{err}
	}
	problems := make([]error, 0, len(all.Errors))
	for _, problem := range all.Errors {
		if unparsed, ok := errors.AsType[env.ParseError](problem); ok {
			if field, known := reflect.TypeFor[Config]().FieldByName(unparsed.Name); known {
				problem = fmt.Errorf("%s: %w", field.Tag.Get("env"), unparsed.Err)
			}
		}
		problems = append(problems, problem)
	}
	return problems
}

// check looks at what the types cannot tell, and brings addresses into one form.
func (c *Config) check() []error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	ledger := c.Ledger.Reveal()
	if file, sqlite := strings.CutPrefix(ledger, "sqlite:"); sqlite && file == "" ||
		!sqlite && !strings.HasPrefix(ledger, "postgres://") && !strings.HasPrefix(ledger, "postgresql://") {
		problem("THREATSHARE_LEDGER: must be sqlite:<file> or postgres://<user>:<password>@<host>/<database>")
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			problem("THREATSHARE_LISTEN: %q is not host:port such as 127.0.0.1:8080, nor \"off\"", c.Listen)
		}
	}
	switch c.LogFormat {
	case "auto", "pretty", "json":
	default:
		problem("THREATSHARE_LOG_FORMAT: %q is not one of auto, pretty, json", c.LogFormat)
	}
	for i, host := range c.PrivateHosts {
		if !hostName.MatchString(host) {
			problem("THREATSHARE_PRIVATE_HOSTS: entry %d is no host name; they are separated by commas, without scheme and port", i+1)
		}
	}
	if !c.SMTPURL.Empty() {
		if _, err := ParseMailServer(c.SMTPURL.Reveal()); err != nil {
			problem("THREATSHARE_SMTP_URL: %w", err)
		}
		if c.MailFrom == "" {
			problem("THREATSHARE_MAIL_FROM: must be set together with THREATSHARE_SMTP_URL")
		}
	}
	if c.MailFrom != "" {
		if _, err := ParseSender(c.MailFrom); err != nil {
			problem("THREATSHARE_MAIL_FROM: %w", err)
		}
	}
	if c.TemporalUI != "" {
		var err error
		if c.TemporalUI, err = parseLink(c.TemporalUI); err != nil {
			problem("THREATSHARE_TEMPORAL_UI: %w", err)
		}
	}
	return append(problems, c.checkConsole()...)
}
