package seal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/avow-privacy/avow/internal/seal/disk"
)

// A sealedFile holds the whole ring in one file, sealed by something that is
// not kept there.
type sealedFile struct {
	spec string
	file string
	dir  string // for what belongs beside
	seal func(plain []byte, fresh bool) ([]byte, error)
	open func(sealed []byte) ([]byte, error)
}

func (s *sealedFile) String() string { return s.spec }
func (s *sealedFile) beside() string { return s.dir }

func (s *sealedFile) create(r *ring) error {
	if _, err := os.Lstat(s.file); err == nil {
		return fmt.Errorf("%s is there already, and keys are never overwritten", s.file)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	plain := r.bytes()
	defer clear(plain)
	sealed, err := s.seal(plain, true)
	if err != nil {
		return err
	}
	return disk.Add(s.file, sealed)
}

func (s *sealedFile) write(r *ring) error {
	plain := r.bytes()
	defer clear(plain)
	sealed, err := s.seal(plain, false)
	if err != nil {
		return err
	}
	return disk.Replace(s.file, sealed)
}

func (s *sealedFile) read() (*ring, error) {
	if _, err := os.Stat(s.file); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	sealed, err := disk.Read(s.file)
	if err != nil {
		return nil, err
	}
	plain, err := s.open(sealed)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	r, err := parseRing(plain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	// A key put back to a new machine comes without the folder beside it.
	return r, os.MkdirAll(s.dir, 0o700)
}

// newAgeFile keeps the keys in a file that age opens too. The passphrase is
// asked for once, and kept in memory to write the file when an epoch ends.
func newAgeFile(file string, opt Options) place {
	var kept secret
	passphrase := func(confirm bool) ([]byte, error) {
		if kept != nil {
			return kept(), nil
		}
		if opt.Passphrase == nil {
			return nil, errors.New("no passphrase was given")
		}
		p, err := opt.Passphrase(confirm)
		if err == nil {
			kept = hide(p)
		}
		return p, err
	}
	return &sealedFile{
		spec: "age:" + file, file: file, dir: file + ".d",
		seal: func(plain []byte, fresh bool) ([]byte, error) {
			p, err := passphrase(fresh)
			if err != nil {
				return nil, err
			}
			var out bytes.Buffer
			err = toPassphrase(&out, plain, p, opt.work)
			return out.Bytes(), err
		},
		open: func(sealed []byte) ([]byte, error) {
			p, err := passphrase(false)
			if err != nil {
				return nil, err
			}
			plain, err := fromPassphrase(bytes.NewReader(sealed), p)
			if err != nil {
				kept = nil
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			return plain, nil
		},
	}
}

func toPassphrase(w io.Writer, plain, passphrase []byte, work int) error {
	to, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return err
	}
	if work != 0 {
		to.SetWorkFactor(work)
	}
	in, err := age.Encrypt(w, to)
	if err != nil {
		return err
	}
	if _, err := in.Write(plain); err != nil {
		return err
	}
	return in.Close()
}

func fromPassphrase(r io.Reader, passphrase []byte) ([]byte, error) {
	who, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, err
	}
	var wrong *age.NoIdentityMatchError
	out, err := age.Decrypt(r, who)
	if errors.As(err, &wrong) {
		return nil, errors.New("does not open with this passphrase")
	}
	if err != nil {
		return nil, fmt.Errorf("damaged, or no age file: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(out, disk.Small))
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	return plain, nil
}

const (
	ringFile   = "keyring"
	ringHead   = "avow-keyring/v1 systemd\n"
	execHead   = "avow-keyring/v1 exec\n"
	credential = "avow-key"
)

// newSystemdFolder keeps the keys sealed under a credential that systemd hands
// to the service alone, from the TPM or a file only root may read.
func newSystemdFolder(dir string, opt Options) place {
	key := func() (Key, error) {
		if opt.Credentials == "" {
			return Key{}, errors.New("there is no folder of credentials: is this run by systemd, with LoadCredential=avow-key or LoadCredentialEncrypted=avow-key?")
		}
		raw, err := disk.Read(filepath.Join(opt.Credentials, credential))
		if err != nil {
			return Key{}, fmt.Errorf("read credential %s: %w", credential, err)
		}
		if len(raw) != 32 {
			clear(raw)
			return Key{}, fmt.Errorf("the credential %s has to be 32 random bytes", credential)
		}
		return Key{hide(raw)}, nil
	}
	return &sealedFile{
		spec: "systemd:" + dir, file: filepath.Join(dir, ringFile), dir: dir,
		seal: func(plain []byte, _ bool) ([]byte, error) {
			k, err := key()
			if err != nil {
				return nil, err
			}
			defer k.Clear()
			return append([]byte(ringHead), k.Seal(plain, Place{Table: ringFile})...), nil
		},
		open: func(sealed []byte) ([]byte, error) {
			k, err := key()
			if err != nil {
				return nil, err
			}
			defer k.Clear()
			body, ok := bytes.CutPrefix(sealed, []byte(ringHead))
			if !ok {
				return nil, errDamaged
			}
			plain, err := k.Open(body, Place{Table: ringFile})
			if err != nil {
				return nil, fmt.Errorf("%s does not open with the credential %s, or is damaged", filepath.Join(dir, ringFile), credential)
			}
			return plain, nil
		},
	}
}

// newExecFolder keeps the keys sealed under a key that a command wraps, such as
// the client of a key service or of an HSM. It is run as CMD wrap or CMD unwrap,
// takes bytes on its standard input and gives bytes on its standard output;
// what is secret is never among its arguments.
func newExecFolder(dir string, command []string, opt Options) place {
	limit := opt.limit
	if limit == 0 {
		limit = execLimit
	}
	run := func(what string, in []byte) ([]byte, error) { return run(command, what, in, limit) }
	return &sealedFile{
		spec: "exec:" + dir, file: filepath.Join(dir, ringFile), dir: dir,
		seal: func(plain []byte, _ bool) ([]byte, error) {
			k := NewKey()
			defer k.Clear()
			wrapped, err := run("wrap", k.secret())
			if err != nil {
				return nil, err
			}
			if len(wrapped) == 0 || bytes.Contains(wrapped, k.secret()) {
				return nil, fmt.Errorf("%s wrap gave back nothing, or the key as it was", command[0])
			}
			out := binary.BigEndian.AppendUint32([]byte(execHead), uint32(len(wrapped)))
			out = append(out, wrapped...)
			return append(out, k.Seal(plain, Place{Table: ringFile, Row: wrappedSum(wrapped)})...), nil
		},
		open: func(sealed []byte) ([]byte, error) {
			wrapped, body, ok := cutExec(sealed)
			if !ok {
				return nil, errDamaged
			}
			raw, err := run("unwrap", wrapped)
			if err != nil {
				return nil, err
			}
			k := Key{hide(raw)}
			defer k.Clear()
			plain, err := k.Open(body, Place{Table: ringFile, Row: wrappedSum(wrapped)})
			if err != nil {
				return nil, fmt.Errorf("%s does not open with what %s unwrap gave, or is damaged", filepath.Join(dir, ringFile), command[0])
			}
			return plain, nil
		},
	}
}

func wrappedSum(wrapped []byte) []byte { return mac([]byte(ringFile), wrapped) }

func cutExec(sealed []byte) (wrapped, body []byte, ok bool) {
	rest, ok := bytes.CutPrefix(sealed, []byte(execHead))
	if !ok || len(rest) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(rest))
	if rest = rest[4:]; uint64(len(rest)) < n {
		return nil, nil, false
	}
	return rest[:n], rest[n:], true
}

// How long a command may run, and how much it may say.
const (
	execLimit = 30 * time.Second
	execBytes = 64 << 10
)

func run(command []string, what string, in []byte, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], what)...)
	c.WaitDelay = time.Second // a grandchild may hold the pipes
	c.Stdin = bytes.NewReader(in)
	var out limited
	c.Stdout = &out
	err := c.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s %s did not end within %s", command[0], what, limit)
	case out.over:
		return nil, fmt.Errorf("%s %s says more than %d bytes", command[0], what, execBytes)
	case err != nil:
		// What it says on its standard error is not shown: nobody knows what it holds.
		return nil, fmt.Errorf("%s %s: %w", command[0], what, err)
	}
	return out.text, nil
}

// limited takes the first execBytes.
type limited struct {
	text []byte
	over bool
}

func (l *limited) Write(b []byte) (int, error) {
	if len(l.text)+len(b) > execBytes {
		l.over = true
		return 0, errors.New("too much")
	}
	l.text = append(l.text, b...)
	return len(b), nil
}
