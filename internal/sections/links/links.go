// Package links tells visitors when they leave, and whose rules hold there.
package links
