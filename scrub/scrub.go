// Package scrub takes personal information out of log lines and slog records.
package scrub
