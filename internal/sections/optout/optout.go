// Package optout lets people stop what they did not ask for: by letter, by click, by browser signal.
package optout
