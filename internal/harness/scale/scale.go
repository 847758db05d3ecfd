// Package scale says how far a fault test goes: a short slice of it in every run of the tests, the whole of it in `make chaos`,
// which builds with the tag chaos. The test is the same; only its figures differ.
package scale

// Of is short in every run of the tests, and long in `make chaos`.
func Of[T any](short, long T) T {
	if chaos {
		return long
	}
	return short
}
