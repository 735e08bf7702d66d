package listen

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// reloading is a configuration of TLS whose certificate is read again when its
// files change. A pair that does not fit together, because one of them was not
// written yet, leaves the old one in use.
func reloading(certFile, keyFile string) (*tls.Config, error) {
	k := &keeper{certFile: certFile, keyFile: keyFile}
	if _, err := k.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.get}, nil
}

type keeper struct {
	certFile, keyFile string
	mu                sync.Mutex
	changed           [2]time.Time
	pair              *tls.Certificate
}

func (k *keeper) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var changed [2]time.Time
	for i, name := range []string{k.certFile, k.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return k.or(err)
		}
		changed[i] = info.ModTime()
	}
	if k.pair != nil && changed == k.changed {
		return k.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return k.or(err)
	}
	k.pair, k.changed = &pair, changed
	return k.pair, nil
}

// or goes on with the pair there is.
func (k *keeper) or(err error) (*tls.Certificate, error) {
	if k.pair != nil {
		return k.pair, nil
	}
	return nil, err
}
