package pim

import "strings"

// SpreadsheetCell keeps a text from being read as a formula when a list is opened in a spreadsheet (OWASP, CSV injection):
// what begins like one gets an apostrophe.
func SpreadsheetCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) || strings.HasPrefix(s, "＝") || strings.HasPrefix(s, "＋") || strings.HasPrefix(s, "－") || strings.HasPrefix(s, "＠") {
		return "'" + s
	}
	return s
}
