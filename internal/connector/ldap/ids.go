package ldap

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// isUUID accepts the 36-character form only.
func isUUID(s string) bool {
	return len(s) == 36 && uuid.Validate(s) == nil
}

// formatGUID writes an objectGUID as Windows does: the first three groups are little-endian (MS-DTYP §2.3.4.2).
// "" when raw is not 16 bytes.
func formatGUID(raw []byte) string {
	if len(raw) != 16 {
		return ""
	}
	id := uuid.UUID(raw)
	slices.Reverse(id[0:4])
	slices.Reverse(id[4:6])
	slices.Reverse(id[6:8])
	return id.String()
}

// formatSID writes an objectSid as S-1-… (MS-DTYP §2.4.2). "" when raw is none.
func formatSID(raw []byte) string {
	if len(raw) < 8 || len(raw) != 8+4*int(raw[1]) {
		return ""
	}
	authority := uint64(binary.BigEndian.Uint16(raw[2:]))<<32 | uint64(binary.BigEndian.Uint32(raw[4:]))
	var b strings.Builder
	b.WriteString("S-" + strconv.Itoa(int(raw[0])) + "-" + strconv.FormatUint(authority, 10))
	for sub := raw[8:]; len(sub) > 0; sub = sub[4:] {
		b.WriteString("-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(sub)), 10))
	}
	return b.String()
}
