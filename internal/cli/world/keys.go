package world

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/seal"
)

// Staff returns a client of the private address and the token of the key folder.
func (w *World) Staff(private, spec string) (*client.Client, string, error) {
	keys, err := w.OpenKeys(spec)
	if err != nil {
		return nil, "", err
	}
	defer keys.Close()
	running, err := client.New(private)
	return running, keys.Token(), err
}

// OpenKeys opens the keys at spec, and asks for the passphrase if they have one.
func (w *World) OpenKeys(spec string) (*seal.Keys, error) { return seal.Open(spec, w.KeyOptions()) }

// KeyOptions are what some places of keys need.
func (w *World) KeyOptions() seal.Options {
	o := seal.Options{Credentials: w.Getenv("CREDENTIALS_DIRECTORY"), Passphrase: func(confirm bool) ([]byte, error) {
		return w.Passphrase("", confirm)
	}}
	if w.Clock != nil {
		o.Now = w.Clock()
	}
	return o
}

// Passphrase gives the one that keys are sealed to: from the file that was
// named, from AVOW_PASSPHRASE, or from a terminal; there a new one is asked for
// twice.
func (w *World) Passphrase(file string, confirm bool) ([]byte, error) {
	if given := w.Getenv("AVOW_PASSPHRASE"); given != "" && file == "" {
		return []byte(given), nil
	}
	prompt := "Passphrase: "
	if confirm {
		prompt = "New passphrase: "
	}
	first, err := w.ReadSecret(prompt, file)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	if !confirm || file != "" || !Terminal(w.Stdin) {
		return first, nil
	}
	second, err := w.ReadSecret("Again: ", "")
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ; nothing was done")
	}
	return first, nil
}
