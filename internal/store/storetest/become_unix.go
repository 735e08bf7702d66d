//go:build unix

package storetest

import (
	"os/exec"
	"syscall"
)

// become has a command run as somebody else, in a group of its own so that an
// interrupt from the keyboard is not for it.
func become(cmd *exec.Cmd, uid, gid uint32) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}, Setpgid: true}
}
