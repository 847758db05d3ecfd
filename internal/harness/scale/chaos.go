//go:build chaos

package scale

const chaos = true
