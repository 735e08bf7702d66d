// Package cookies lets a page use only the cookies and third parties that were declared and chosen.
package cookies
