package seal

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// ErrNone says that there are no keys where they were looked for.
var ErrNone = errors.New("there are no keys. What was sealed under them does not open without them: " +
	"put back a copy of the keys, or start with an empty data folder. Nothing was changed")

// Options are what some places of keys need to be opened.
type Options struct {
	// Passphrase gives the one that an age: file is sealed to. confirm says that
	// it is a new one, which is better asked for twice.
	Passphrase func(confirm bool) ([]byte, error)
	// Credentials is the folder with the credentials of the service, for
	// systemd:; systemd names it in $CREDENTIALS_DIRECTORY.
	Credentials string
	// Now is when keys are made, which Status tells. It may be left out.
	Now time.Time

	work  int           // of the scrypt passphrase, 2^work; 0 for what age thinks right
	limit time.Duration // of a run of exec:'s command; 0 for execLimit
}

// A place is where keys are kept.
type place interface {
	// read returns the keys, or ErrNone.
	read() (*ring, error)
	// create keeps new keys, all or none, and never over others.
	create(*ring) error
	// write makes these the keys that are kept, durably, and destroys others as
	// far as a file system can. A crash leaves those before or these.
	write(*ring) error
	// beside is a folder for what belongs to the keys but is no key.
	beside() string
	String() string
}

// placeOf reads a spec:
//
//	file:DIR      a folder of files that only their owner may read
//	age:FILE      one file, sealed to a passphrase
//	systemd:DIR   a folder, sealed under the credential avow-key of the service
//	exec:DIR,CMD  a folder, sealed under a key that CMD wraps and unwraps
func placeOf(spec string, opt Options) (place, error) {
	scheme, rest, _ := strings.Cut(spec, ":")
	if rest == "" {
		return nil, badSpec(spec)
	}
	switch scheme {
	case "file":
		return folder(filepath.Clean(rest)), nil
	case "age":
		return newAgeFile(filepath.Clean(rest), opt), nil
	case "systemd":
		return newSystemdFolder(filepath.Clean(rest), opt), nil
	case "exec":
		dir, command, _ := strings.Cut(rest, ",")
		if dir == "" || len(strings.Fields(command)) == 0 {
			return nil, badSpec(spec)
		}
		return newExecFolder(filepath.Clean(dir), strings.Fields(command), opt), nil
	}
	return nil, badSpec(spec)
}

func badSpec(spec string) error {
	return fmt.Errorf("keys %q: give file:DIR, age:FILE, systemd:DIR or exec:DIR,CMD, such as file:/var/lib/avow-keys", spec)
}

// Open reads the keys at spec. If there are none, the error is ErrNone: who has
// no data yet may then Create some; who has data has lost its keys and must put
// back a copy of them. Nothing that was there is changed.
func Open(spec string, opt Options) (*Keys, error) {
	at, err := placeOf(spec, opt)
	if err != nil {
		return nil, err
	}
	r, err := at.read()
	if errors.Is(err, ErrNone) {
		return nil, fmt.Errorf("open keys %s: %w", at, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open keys %s: %w. Nothing was changed", at, err)
	}
	return newKeys(r, at), nil
}

// Create makes new keys and keeps them at spec, where there must be none. They
// belong beside the data folder, never inside: who copies the data must not get
// the keys with it.
func Create(spec string, opt Options) (*Keys, error) {
	return create(spec, opt, newRing(opt.Now))
}

func create(spec string, opt Options, r *ring) (*Keys, error) {
	at, err := placeOf(spec, opt)
	if err != nil {
		return nil, err
	}
	if err := at.create(r); err != nil {
		return nil, fmt.Errorf("create keys %s: %w", at, err)
	}
	return newKeys(r, at), nil
}

// Beside is the folder for what belongs to the keys but is no key, and must not
// come back with a backup of the data: how far the log was signed, and who was
// erased. It is the folder of the keys; for age:FILE it is FILE.d.
func Beside(spec string) (string, error) {
	at, err := placeOf(spec, Options{})
	if err != nil {
		return "", err
	}
	return at.beside(), nil
}

// Beside is the folder that the function of that name tells of the keys' place.
func (k *Keys) Beside() string { return k.place.beside() }
