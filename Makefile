# make test is everything that has to hold, on a machine with Go, git and make.

export CGO_ENABLED = 0

.PHONY: test setup lint unit outside build vuln bench fuzz screenshots

test: setup lint unit outside

setup:
	@scripts/setup

lint:
	@echo "gofmt, vet, staticcheck"
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
		if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	@go vet ./...
	@go tool staticcheck ./...

# Browser tests are among these; they need what setup installs.
unit:
	go test ./...

# Other people's programs look at our log, in a module of their own.
outside:
	@if [ -d test/outside ]; then cd test/outside && go test ./...; fi

build:
	go build -trimpath -ldflags='-s -w' -o avow ./cmd/avow

vuln:
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

bench:
	go test -run '^$$' -bench . -benchmem ./...

fuzz:
	@scripts/fuzz 20s

screenshots: setup
	go test ./test/browser -run '^TestScreenshots$$' -count=1 -screenshots=../../docs/screenshots
