package server

import (
	"strings"
	"testing"
	"time"
)

// TestMasked: a card number is taken out however it is written, and nothing that is none.
func TestMasked(t *testing.T) {
	for _, number := range []string{"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111\u00a01111\u00a01111\u00a01111", "4111\u202f1111\u202f1111\u202f1111",
		"4111 1111\n1111 1111", "4111 1111\n> 1111 1111", "4111\u200b1111\u200b1111\u200b1111", "4111.1111.1111.1111", "4111–1111–1111–1111", "4111  1111  1111  1111",
		"4111\t1111\t1111\t1111", "4111_1111_1111_1111", "3782.822463.10005", "４１１１１１１１１１１１１１１１", "411111111111\n1111"} {
		for _, around := range []string{"%", "é %.", "Card: %, 12/27\nThanks", "2026-11-24 % 12.27", "a\u00a0%\u00a0b"} {
			if got, want := masked(strings.Replace(around, "%", number, 1)), strings.Replace(around, "%", "[card]", 1); got != want {
				t.Errorf("%q in %q became %q", number, around, got)
			}
		}
	}
	for _, text := range []string{"", "4111 1111 1111 1112", "2026-11-24 10:00 to 2026.11.25", "Order 5500.2026.11.24.12.30", "€ 4.500,00 and 1.200,00", "Call +49 30 901820", "4111      1111      1111      1111", "> \n\n\u200b"} {
		if got := masked(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	began := time.Now()
	masked(strings.Repeat("4111 ", 1<<16))
	masked(strings.Repeat("\u00a0", 1<<18))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}
