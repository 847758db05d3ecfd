package pgserver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// These tests are inside the package because they start no server; those of the ledger do, by package pgtest.

func TestAProgramThatIsNotInstalledIsNamedWithWhatToInstall(t *testing.T) {
	_, err := find("no-such-program")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "no-such-program")
	require.ErrorContains(t, err, "Install the Debian package postgresql")
}

func TestTheNewestOfDebiansVersionsIsKnownByItsFolder(t *testing.T) {
	require.Equal(t, 15, version("/usr/lib/postgresql/15/bin/initdb"))
	require.Greater(t, version("/usr/lib/postgresql/17/bin/initdb"), version("/usr/lib/postgresql/9/bin/initdb"))
	require.Zero(t, version("/somewhere/else/initdb"))
}

func TestADatabaseHasAPlainName(t *testing.T) {
	for _, name := range []string{"", "Temporal", "a b", "a;DROP DATABASE b", "1st"} {
		_, err := (&Server{}).Database(name)
		require.ErrorContains(t, err, "is not a plain name", name)
	}
}

func TestAnAddressHoldsTheDatabaseAndThePassword(t *testing.T) {
	require.Equal(t, "postgres://"+User+":"+Password+"@127.0.0.1:5432/ledger", (&Server{Port: 5432}).Address("ledger"))
}
