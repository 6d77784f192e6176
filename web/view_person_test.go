package web

import (
	"testing"
)

// A cursor is read only as it was written, and means nothing but a place in the list (THREATS T22).
func FuzzNameCursor(f *testing.F) {
	f.Add("AGFi")
	f.Add(nameCursor("abc", "Zoë Ångström"))
	f.Add("YQBi\n")
	f.Fuzz(func(t *testing.T, text string) {
		page, err := parseNameCursor(text)
		if err != nil || text == "" {
			return
		}
		if page.Query != "" || page.Limit != 0 {
			t.Errorf("%q sets more than a place: %+v", text, page)
		}
		if again := nameCursor(page.AfterID, page.AfterName); again != text {
			t.Errorf("%q is read as %+v, which is written %q", text, page, again)
		}
	})
}
