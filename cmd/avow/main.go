// Package main is main.
package main

import (
	"os"
	"time"

	"github.com/avow-privacy/avow/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.World{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Clock: time.Now}))
}
