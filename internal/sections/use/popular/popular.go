// Package popular counts which pages are popular without knowing who read them.
package popular
