#!/bin/sh
# Makes the secrets of docker-compose.yml that are not there yet: passwords of the databases by chance, the others by asking.
# What is there is kept: run it again after a file was removed.
set -eu
umask 077
cd "$(dirname "$0")"
chmod 700 .

# keep <file> stores standard input. Containers run as users of their own, who must be able to read the file; nobody else on
# this machine gets through the folder.
keep() {
	cat >"$1.new"
	[ -s "$1.new" ] || { rm -f "$1.new"; echo "$1: nothing given, left out" >&2; return 1; }
	chmod 644 "$1.new"
	mv "$1.new" "$1"
	echo "$1: made"
}

# random is 40 characters that need no quoting anywhere, the first a letter.
random() { printf 'p%s' "$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')" | cut -c1-40; }

# ask <file> <question>
ask() {
	[ ! -e "$1" ] || { echo "$1: there already"; return; }
	printf '%s: ' "$2" >&2
	if [ -t 0 ]; then
		trap 'stty echo' EXIT
		stty -echo
	fi
	IFS= read -r answer || answer=
	if [ -t 0 ]; then stty echo; echo >&2; fi
	printf '%s' "$answer" | keep "$1"
}

for file in postgres_password.txt temporal_db_password.txt ledger_db_password.txt; do
	if [ -e "$file" ]; then echo "$file: there already"; else random | keep "$file"; fi
done
# The same password once more, in the form that the worker reads. The connection stays inside one machine.
if [ -e ledger_url.txt ]; then
	echo "ledger_url.txt: there already"
else
	printf 'postgres://threatshare:%s@postgres:5432/threatshare?sslmode=disable' "$(cat ledger_db_password.txt)" | keep ledger_url.txt
fi

ask mimecast_client_secret.txt 'Client secret of the Mimecast API 2.0 application'
ask falcon_client_secret.txt 'Secret of the Falcon API client'
ask smtp_url.txt 'Mail server, as smtp://user:password@host:587 or smtps://user:password@host:465'
