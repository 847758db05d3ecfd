//go:build !chaos

package scale

const chaos = false
