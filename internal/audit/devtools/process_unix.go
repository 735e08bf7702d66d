//go:build unix

package devtools

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes cmd lead a process group, since a browser is many processes.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends p and everything it started.
func killGroup(p *os.Process) { syscall.Kill(-p.Pid, syscall.SIGKILL) }

// mustUnbox says whether the browser refuses to start unless its sandbox is off.
func mustUnbox() bool { return os.Geteuid() == 0 }
