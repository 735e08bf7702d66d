// Package logs keeps the server log in its least form, and lets it go in time.
package logs
