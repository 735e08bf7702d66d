package wall

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A firefox visits pages in Firefox.
type firefox struct {
	mu    sync.Mutex // one command at a time, and each to the tab it is for
	m     *marionette
	first string // the window that stays
	open  map[string]bool
}

// firefoxSettings lead every host but the visits' own to the third party, keep
// Firefox from talking to its maker, and let pages open windows by themselves.
const firefoxSettings = `
user_pref("network.dns.forceResolve", "127.0.0.1");
user_pref("network.socket.forcePort", "443=%[1]d;80=%[1]d");
user_pref("marionette.port", 0);
user_pref("dom.disable_open_during_load", false);
user_pref("dom.popup_maximum", 500);
user_pref("media.autoplay.default", 0);
user_pref("browser.send_pings", true);
user_pref("security.mixed_content.block_active_content", false);
user_pref("network.stricttransportsecurity.preloadlist", false);
user_pref("dom.security.https_first", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.safebrowsing.downloads.enabled", false);
user_pref("browser.search.update", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("browser.startup.page", 0);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.tabs.unloadOnLowMemory", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.telemetry.server", "");
user_pref("extensions.update.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("app.normandy.enabled", false);
user_pref("privacy.globalprivacycontrol.functionality.enabled", true);
user_pref("privacy.globalprivacycontrol.enabled", %[2]t);
user_pref("privacy.trackingprotection.enabled", false);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
`

// outlives is a shell that runs a program, and ends everything in its process
// group when whoever started it closes its input, even by dying: Firefox would
// go on alone.
const outlives = `"$0" "$@" & read -r _; kill -9 0`

// findFirefox returns the path of a Firefox.
func findFirefox() (string, error) {
	for _, name := range []string{"firefox-esr", "firefox"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Firefox on PATH")
}

// newFirefox starts a Firefox, with or without the signal.
func newFirefox(t testing.TB, third *thirdParty, signal bool) *firefox {
	t.Helper()
	path, err := findFirefox()
	if err != nil {
		missing(t, err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "user.js"), fmt.Appendf(nil, firefoxSettings, third.port, signal), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", outlives, path, "--headless", "--marionette", "--no-remote", "--profile", dir)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "MOZ_CRASHREPORTER_DISABLE=1", "MOZ_REMOTE_SETTINGS_DEVTOOLS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		alive.Close()
		<-ended
		time.Sleep(100 * time.Millisecond) // the last of its processes may still write into its folder
	})
	m, err := meet(func() (string, error) {
		b, err := os.ReadFile(filepath.Join(dir, "MarionetteActivePort"))
		return string(b), err
	}, ended)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.c.Close() })
	f := &firefox{m: m, open: map[string]bool{}}
	// Marionette takes capabilities as they are, not what WebDriver matches them with.
	capabilities := map[string]any{"acceptInsecureCerts": true, "pageLoadStrategy": "none"}
	if err := m.call("WebDriver:NewSession", capabilities, nil); err != nil {
		t.Fatal(err)
	}
	var first struct{ Value string }
	if err := m.call("WebDriver:GetWindowHandle", nil, &first); err != nil {
		t.Fatal(err)
	}
	f.first = first.Value
	f.open[f.first] = true
	return f
}

func (*firefox) name() string { return "Firefox" }
func (*firefox) tabs() int    { return 4 }

// visit opens address in a window of its own.
func (f *firefox) visit(ctx context.Context, address string, settled func()) error {
	window, err := f.begin(address)
	if err != nil {
		return err
	}
	settled()
	return f.end(window, strings.Contains(address, "popup"))
}

// begin opens a window and returns its handle.
func (f *firefox) begin(address string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var made struct{ Handle string }
	if err := f.m.call("WebDriver:NewWindow", map[string]any{"type": "window"}, &made); err != nil {
		return "", err
	}
	f.open[made.Handle] = true
	if err := f.turn(made.Handle); err != nil {
		return "", err
	}
	return made.Handle, f.m.call("WebDriver:Navigate", map[string]any{"url": address}, nil)
}

// turn lets commands go to a window. f.mu is held.
func (f *firefox) turn(window string) error {
	return f.m.call("WebDriver:SwitchToWindow", map[string]any{"handle": window, "focus": false}, nil)
}

// end closes a window, and with strays all that no visit has opened.
func (f *firefox) end(window string, strays bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, window)
	shut := []string{window}
	if strays {
		var all []string
		if err := f.m.call("WebDriver:GetWindowHandles", nil, &all); err != nil {
			return err
		}
		shut = slices.DeleteFunc(all, func(h string) bool { return f.open[h] })
	}
	for _, h := range shut {
		if err := f.turn(h); err != nil {
			return err
		}
		if err := f.m.call("WebDriver:CloseWindow", nil, nil); err != nil {
			return err
		}
	}
	return f.turn(f.first) // new windows are opened from the one that commands go to
}

// firefoxLacks are channels that Firefox does not open by itself.
func firefoxLacks(c channel) bool {
	return strings.HasPrefix(c.name, "speculation") || c.name == "worklet-paint" || c.name == "manifest"
}
