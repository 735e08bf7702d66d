package bar

import (
	"encoding/base64"
	"strings"

	"github.com/avow-privacy/avow/gate/choice"
)

// consented are Google's names for what an offer lets its hosts keep, by host.
var consented = []struct {
	domain string
	types  []string
}{
	{"google-analytics.com", []string{"analytics_storage"}},
	{"googletagmanager.com", []string{"analytics_storage"}},
	{"doubleclick.net", adTypes},
	{"googleadservices.com", adTypes},
	{"googlesyndication.com", adTypes},
}

var adTypes = []string{"ad_storage", "ad_user_data", "ad_personalization"}

// appendConsent tells Google's tags what was chosen, before they load. What no
// chosen offer stands for is denied. Consent Mode, as of its version 2:
// https://developers.google.com/tag-platform/security/guides/consent
func (b *Bar) appendConsent(dst []byte, set choice.Set) []byte {
	granted := map[string]bool{}
	for i, o := range b.offers {
		if !set.Has(i) {
			continue
		}
		for _, host := range o.Hosts {
			for _, c := range consented {
				if host == c.domain || strings.HasSuffix(host, "."+c.domain) {
					for _, t := range c.types {
						granted[t] = true
					}
				}
			}
		}
	}
	dst = append(dst, `window.dataLayer=window.dataLayer||[];(function(){dataLayer.push(arguments)})("consent","default",{`...)
	for i, t := range append([]string{"analytics_storage"}, adTypes...) {
		if i > 0 {
			dst = append(dst, ',')
		}
		word := "denied"
		if granted[t] {
			word = "granted"
		}
		dst = append(dst, t+`:"`+word+`"`...)
	}
	return append(dst, `});`...)
}

// appendGPP answers the one call that a reader of IAB's Global Privacy Platform
// needs: ping, with the string of the sections usnat and usca in it.
// https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform
func (b *Bar) appendGPP(dst []byte, set choice.Set, d choice.Decision) []byte {
	text := gpp(b.offers, set, d.Conflict || d.Honoured)
	return append(dst, `window.__gpp=window.__gpp||function(c,f){let p={gppVersion:"1.1",cmpStatus:"loaded",cmpDisplayStatus:"hidden",signalStatus:"ready",`+
		`supportedAPIs:["7:usnat","8:usca"],cmpId:0,sectionList:[7,8],applicableSections:[7,8],gppString:`+quoted(text)+`,parsedSections:{}};`+
		`f&&f(c=="ping"?p:c=="addEventListener"?{eventName:"listenerRegistered",listenerId:1,data:true,pingData:p}:null,c=="ping"||c=="addEventListener")};`...)
}

// gpp is the GPP string with the sections usnat and usca, each version 1: notices
// were given, and whoever did not say yes to everything has opted out of sale,
// sharing and targeted advertising. Whether the browser sends the signal stands
// beside that: a yes may have been given knowing of it.
func gpp(offers choice.Offers, set choice.Set, signal bool) string {
	opted, sent := uint64(1), uint64(0)
	if set&offers.All() == offers.All() {
		opted = 2
	}
	if signal {
		sent = 1
	}
	var gpc bits
	gpc.put(1, 2) // the segment's type
	gpc.put(sent, 1)
	const header = "DBABrw" // type 3, version 1, one range: sections 7 and 8
	return header + "~" + usnat(opted) + "." + gpc.String() + "~" + usca(opted) + "." + gpc.String()
}

// What a section says of a notice, and of what does not apply here.
const given, notApplicable = 1, 0

func usnat(opted uint64) string {
	var core bits
	core.put(1, 6)                                // version
	core.each(2, given, given, given, given)      // notices: sharing, sale, sharing opt-out, targeted advertising
	core.each(2, notApplicable, notApplicable)    // notices about sensitive data
	core.each(2, opted, opted, opted)             // sale, sharing, targeted advertising
	core.put(0, 2*12)                             // sensitive data: not processed
	core.put(0, 2*2)                              // children: not known
	core.put(notApplicable, 2)                    // consent to personal data
	core.each(2, 2, notApplicable, notApplicable) // MSPA: not covered
	return core.String()
}

func usca(opted uint64) string {
	var core bits
	core.put(1, 6)                                // version
	core.each(2, given, given, notApplicable)     // notices: sale, sharing, use of sensitive data
	core.each(2, opted, opted)                    // sale, sharing
	core.put(0, 2*9)                              // sensitive data: not processed
	core.put(0, 2*2)                              // children: not known
	core.put(notApplicable, 2)                    // consent to personal data
	core.each(2, 2, notApplicable, notApplicable) // MSPA: not covered
	return core.String()
}

// bits are written from the left.
type bits struct {
	bytes []byte
	n     int
}

func (b *bits) put(value uint64, width int) {
	for i := width - 1; i >= 0; i-- {
		if b.n%8 == 0 {
			b.bytes = append(b.bytes, 0)
		}
		b.bytes[b.n/8] |= byte(value>>i&1) << (7 - b.n%8)
		b.n++
	}
}

func (b *bits) each(width int, values ...uint64) {
	for _, v := range values {
		b.put(v, width)
	}
}

func (b *bits) String() string { return base64.RawURLEncoding.EncodeToString(b.bytes) }
