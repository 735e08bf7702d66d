//go:build !unix

package devtools

import (
	"os"
	"os/exec"
)

// Elsewhere a process cannot be handed the two pipes, so Start says no before
// any of these matters.
func ownGroup(*exec.Cmd) {}

func killGroup(p *os.Process) { p.Kill() }

func mustUnbox() bool { return false }
