package pim

import (
	"strings"
	"unicode"
)

// SpreadsheetCell keeps a text from being read as a formula when a list is opened in a spreadsheet (OWASP, CSV injection):
// what begins like one gets an apostrophe, also after spaces, which some programs take away first.
func SpreadsheetCell(s string) string {
	bare := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	if s != "" && strings.ContainsRune("\t\r\n", rune(s[0])) || bare != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(bare)[0]) {
		return "'" + s
	}
	return s
}
