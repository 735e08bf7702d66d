// Package egress is the only door out.
package egress
