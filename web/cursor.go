package web

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stint/internal/store"
)

// pageSize is how many lines a list page has; the largest answer of any list is bounded (THREATS T31).
const pageSize = 50

const maxCursorID = 64 // bytes

// cursor is a place in a list as an address holds it: opaque, and nothing but itself when read again.
func cursor(k store.Keyset) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(k.At.UnixMicro())) // #nosec G115 -- times after 1970 are positive
	return base64.RawURLEncoding.EncodeToString(append(b, k.ID...))
}

// parseCursor reads what cursor wrote, to the letter; "" is the newest page.
func parseCursor(text string) (store.Keyset, error) {
	if text == "" {
		return store.Keyset{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) <= 8 || len(b) > 8+maxCursorID || strings.ContainsAny(text, "\r\n") || strings.ContainsFunc(string(b[8:]), notInID) {
		return store.Keyset{}, echo.ErrBadRequest
	}
	micros := binary.BigEndian.Uint64(b)
	if micros > 1<<62 {
		return store.Keyset{}, echo.ErrBadRequest
	}
	return store.Keyset{At: time.UnixMicro(int64(micros)).UTC(), ID: string(b[8:])}, nil
}

func notInID(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
