package devtools

import (
	"io"
	"os"
	"testing"
)

// FuzzBrowser lets a browser say anything. Whatever it says, what waits for it
// ends when it is gone.
func FuzzBrowser(f *testing.F) {
	for _, seed := range []string{
		`{"method":"Target.attachedToTarget","params":{"sessionId":"t","targetInfo":{"targetId":"f","type":"page","browserContextId":"c"}}}`,
		`{"method":"Target.attachedToTarget","params":{"sessionId":"w","targetInfo":{"type":"worker","url":"http://x/","browserContextId":"other"}}}`,
		`{"method":"Target.detachedFromTarget","params":{"sessionId":"s"}}`,
		`{"method":"Page.lifecycleEvent","sessionId":"s","params":{"frameId":"f","loaderId":"l","name":"init"}}`,
		`{"method":"Page.javascriptDialogOpening","sessionId":"s","params":{"type":"alert","message":"m"}}`,
		`{"method":"Inspector.targetCrashed","sessionId":"s"}`,
		`{"method":"Network.requestWillBeSent","sessionId":"s","params":{"requestId":"1","request":{"url":"http://x/"},"redirectResponse":{"status":302}}}`,
		`{"method":"Network.webSocketCreated","sessionId":"s","params":{"requestId":"2","url":"ws://x/"}}`,
		`{"method":"Network.loadingFailed","sessionId":"s","params":{"requestId":"1","errorText":"e","blockedReason":"csp"}}`,
		`{"method":"Runtime.consoleAPICalled","sessionId":"s","params":{"type":"log","args":[{"value":"a"},{"description":"b"},{}]}}`,
		`{"method":"Runtime.exceptionThrown","sessionId":"s","params":{"exceptionDetails":{"text":"t"}}}`,
		`{"method":"Audits.issueAdded","sessionId":"s","params":{"issue":{"details":{"contentSecurityPolicyIssueDetails":{"violatedDirective":"d"}}}}}`,
		`{"method":"Browser.downloadWillBegin","params":{"frameId":"f","guid":"g","suggestedFilename":"../n"}}` + "\x00" +
			`{"method":"Browser.downloadProgress","params":{"guid":"g","state":"completed"}}`,
		`{"id":1,"result":{}}`, `{"id":1,"error":{"code":-32601,"message":"m","data":"d"}}`, `{`, "\x00\x00", `[]`, `null`,
	} {
		f.Add([]byte(seed + "\x00"))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := &Browser{opts: Options{}.withDefaults(), visits: map[string]*Page{}, targets: map[string]*target{}}
		p := b.newVisit("c")
		b.targets["s"] = &target{page: p, session: "s", kind: "page", id: "f"}
		p.main = b.targets["s"]
		from, to := io.Pipe()
		b.conn = newConn(nowhere, from, b.event)
		to.Write(said)
		to.Close()
		<-b.conn.done
		b.tasks.Wait()
		if err := p.wait(t.Context(), "nothing", func() bool { return false }); err == nil {
			t.Error("a wait outlived the browser")
		}
	})
}
