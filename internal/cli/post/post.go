// Package post holds the commands for letters: mail read in, letters stopped, lists given out.
package post
