// Package agents knows the families of browsers and operating systems by what they send as User-Agent.
package agents

import (
	"bytes"
	"hash/maphash"
)

// A family is what a program calls itself, and what we call it.
type family struct{ says, name string }

// browsers, in the order in which they are looked for: who claims to be others
// too comes first. Facts, as the programs send them.
var browsers = []family{
	{"Googlebot", "Googlebot"}, {"bingbot", "Bingbot"}, {"YandexBot", "YandexBot"}, {"Baiduspider", "Baiduspider"},
	{"DuckDuckBot", "DuckDuckBot"}, {"Applebot", "Applebot"}, {"GPTBot", "GPTBot"}, {"ClaudeBot", "ClaudeBot"},
	{"CCBot", "CCBot"}, {"AhrefsBot", "AhrefsBot"}, {"SemrushBot", "SemrushBot"}, {"facebookexternalhit", "Facebook"},
	{"PetalBot", "PetalBot"}, {"Bytespider", "Bytespider"}, {"Amazonbot", "Amazonbot"}, {"UptimeRobot", "UptimeRobot"},
	{"bot", "bot"}, {"Bot", "bot"}, {"crawl", "bot"}, {"Crawl", "bot"}, {"pider", "bot"}, {"slurp", "bot"}, {"Slurp", "bot"},
	{"monitor", "bot"}, {"HeadlessChrome", "bot"}, {"ELinks", "ELinks"}, {"Lynx", "Lynx"}, {"w3m", "w3m"},
	{"curl/", "curl"}, {"Wget", "Wget"}, {"python-requests", "Python"}, {"Python", "Python"}, {"aiohttp", "Python"},
	{"Go-http-client", "Go"}, {"okhttp", "okhttp"}, {"Java/", "Java"}, {"Apache-HttpClient", "Java"}, {"libwww", "Perl"},
	{"node-fetch", "Node"}, {"axios", "Node"}, {"PostmanRuntime", "Postman"}, {"Dalvik", "Dalvik"},
	{"EdgiOS/", "Edge"}, {"EdgA/", "Edge"}, {"Edg/", "Edge"}, {"Edge/", "Edge"}, {"OPR/", "Opera"}, {"OPiOS", "Opera"}, {"Opera", "Opera"},
	{"SamsungBrowser", "Samsung"}, {"YaBrowser", "Yandex"}, {"Vivaldi", "Vivaldi"}, {"UCBrowser", "UCBrowser"}, {"MiuiBrowser", "Miui"},
	{"HuaweiBrowser", "Huawei"}, {"DuckDuckGo", "DuckDuckGo"}, {"Ddg/", "DuckDuckGo"}, {"Brave", "Brave"}, {"Silk/", "Silk"},
	{"FxiOS", "Firefox"}, {"Focus/", "Firefox"}, {"Firefox", "Firefox"}, {"SeaMonkey", "SeaMonkey"}, {"CriOS", "Chrome"}, {"Chromium", "Chrome"},
	{"Chrome", "Chrome"}, {"MSIE", "Explorer"}, {"Trident/", "Explorer"}, {"Explorer", "Explorer"}, {"GSA/", "Google"},
	{"Epiphany", "Epiphany"}, {"Konqueror", "Konqueror"}, {"Safari", "Safari"}, {"AppleWebKit", "WebKit"}, {"", "other"},
}

// systems, in the order in which they are looked for.
var systems = []family{
	{"Windows", "Windows"}, {"iPhone", "iOS"}, {"iPad", "iOS"}, {"iPod", "iOS"}, {"iOS", "iOS"}, {"HarmonyOS", "HarmonyOS"},
	{"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Mac OS X", "macOS"}, {"macOS", "macOS"}, {"Darwin", "macOS"},
	{"Tizen", "Tizen"}, {"KAIOS", "KaiOS"}, {"Web0S", "webOS"}, {"PlayStation", "PlayStation"}, {"Nintendo", "Nintendo"},
	{"FreeBSD", "BSD"}, {"OpenBSD", "BSD"}, {"NetBSD", "BSD"}, {"SunOS", "Solaris"}, {"Linux", "Linux"}, {"linux", "Linux"}, {"X11", "Unix"},
	{"", "other"},
}

// A Memory remembers what was found of the User-Agents that were last seen: a
// log holds few of them, many times. The zero value is ready; one goroutine at a
// time may use it.
type Memory struct {
	seed  maphash.Seed
	begun bool
	seen  [slots]known
}

const (
	slots   = 1024 // a power of two
	longest = 1024 // longer ones are not remembered
)

type known struct {
	says []byte
	is   string
	same bool
}

// Families names browser and operating system in two words, and says whether
// that is what b says already.
func (m *Memory) Families(b []byte) (is string, same bool) {
	if !m.begun {
		m.seed, m.begun = maphash.MakeSeed(), true
	}
	i := maphash.Bytes(m.seed, b) % slots
	k := &m.seen[i]
	if bytes.Equal(k.says, b) {
		return k.is, k.same
	}
	// Who comes twice gets the first place of two, so that those who come once
	// do not drive out those who come often.
	second := &m.seen[i^1]
	if bytes.Equal(second.says, b) {
		*k, *second = *second, *k
		return k.is, k.same
	}
	is = families(b)
	if len(b) > longest {
		return is, false
	}
	second.says, second.is, second.same = append(second.says[:0], b...), is, string(b) == is
	return second.is, second.same
}

// families names browser and operating system.
func families(b []byte) string {
	if browser, system, ok := bytes.Cut(b, []byte(" ")); ok {
		if i, j := called(browsers, browser), called(systems, system); i >= 0 && j >= 0 {
			return pairs[i][j]
		}
	}
	return pairs[said(browsers, b)][said(systems, b)]
}

func said(all []family, b []byte) int {
	for i, f := range all {
		if bytes.Contains(b, []byte(f.says)) {
			return i
		}
	}
	return len(all) - 1
}

func called(all []family, name []byte) int {
	for i, f := range all {
		if f.name == string(name) {
			return i
		}
	}
	return -1
}

// pairs are all that stands for a User-Agent.
var pairs = func() [][]string {
	all := make([][]string, len(browsers))
	for i, b := range browsers {
		for _, s := range systems {
			all[i] = append(all[i], b.name+" "+s.name)
		}
	}
	return all
}()
