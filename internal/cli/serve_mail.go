package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/avow-privacy/avow/server"
)

// mailFlags say how letters travel. What may be sent is said by the statement.
type mailFlags struct {
	Relay        string   `help:"The mail server that letters are handed to, such as smtp://mail.example:587 or smtps://mail.example; without it they wait." placeholder:"URL"`
	RelayUser    string   `help:"Who logs in there; the password is in AVOW_RELAY_PASSWORD." placeholder:"NAME"`
	SMTP         string   `name:"smtp" help:"Take mail from anywhere on this address, for the addresses of the statement only." placeholder:"ADDR"`
	LMTP         string   `name:"lmtp" help:"Take mail from your own mail server, on this address or socket." placeholder:"ADDR"`
	Submit       string   `help:"Take letters of your programs on this address, to decide on them and send them." placeholder:"ADDR"`
	MailCert     string   `help:"Certificate for STARTTLS, in PEM; read again when it changes." placeholder:"FILE"`
	MailKey      string   `help:"Its key." placeholder:"FILE"`
	Doubtful     int      `help:"How many stops an hour are taken from one network whose senders nobody vouches for; mail by --lmtp is one network." default:"20" placeholder:"N"`
	TrustResults []string `help:"Name under which your own mail server writes what it found out about a sender (Authentication-Results). Believed over --lmtp and from private addresses only." placeholder:"ID"`
}

// Validate is for kong: it says what does not go together.
func (c *mailFlags) Validate() error {
	switch {
	case (c.MailCert == "") != (c.MailKey == ""):
		return errors.New("--mail-cert and --mail-key go together")
	case c.RelayUser != "" && c.Relay == "":
		return errors.New("--relay-user goes with --relay")
	}
	return nil
}

// mail says how letters travel.
func (c *mailFlags) mail(w *World) (m server.Mail, err error) {
	m = server.Mail{User: c.RelayUser, CertFile: c.MailCert, KeyFile: c.MailKey, Trusted: c.TrustResults, Doubtful: c.Doubtful}
	if c.Relay == "" {
		return m, nil
	}
	u, err := url.Parse(c.Relay)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return m, errors.New("--relay: give the address of a mail server, such as smtp://mail.example:587 or smtps://mail.example, without a password")
	}
	port := map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	if u.Port() != "" {
		port = u.Port()
	}
	m.Relay, m.Implicit = net.JoinHostPort(u.Hostname(), port), u.Scheme == "smtps"
	if m.User != "" {
		if m.Password = w.Env("AVOW_RELAY_PASSWORD"); m.Password == "" {
			return m, errors.New("--relay-user: put the password into AVOW_RELAY_PASSWORD")
		}
	}
	return m, nil
}

// listen opens what mail comes in by.
func (c *mailFlags) listen() (on map[net.Listener]server.MailUse, err error) {
	on = map[net.Listener]server.MailUse{}
	for _, a := range []struct {
		flag, address string
		use           server.MailUse
	}{{"smtp", c.SMTP, server.FromAnywhere}, {"lmtp", c.LMTP, server.FromOurServer}, {"submit", c.Submit, server.FromPrograms}} {
		if a.address == "" {
			continue
		}
		l, err := listenAt(a.address)
		if err != nil {
			for l := range on {
				l.Close()
			}
			return nil, fmt.Errorf("--%s: %w", a.flag, err)
		}
		on[l] = a.use
	}
	return on, nil
}

// listenAt listens on an address or, if it is a path, on a socket there.
func listenAt(address string) (net.Listener, error) {
	if !strings.ContainsRune(address, '/') {
		return net.Listen("tcp", address)
	}
	l, err := net.Listen("unix", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w; remove it if no avow runs that uses it", err)
	}
	return l, err
}
