package orgfile

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// CleanName is a name as it is kept: trimmed, in composed form, single spaces. problem says what is still wrong with
// it, as for a name in a file (THREATS T22), or "".
func CleanName(s string) (clean, problem string) {
	clean = norm.NFC.String(strings.Join(strings.Fields(s), " "))
	if clean == "" {
		return "", "is missing; give one"
	}
	return clean, isName(clean)
}

// twins are letters of other alphabets with the shape of a Latin one (a part of Unicode's confusables, UTS #39).
var twins = strings.NewReplacer("а", "a", "в", "b", "с", "c", "е", "e", "н", "h", "і", "l", "ј", "j", "к", "k", "м", "m", "о", "o", "р", "p",
	"ѕ", "s", "т", "t", "у", "y", "х", "x", "α", "a", "β", "b", "ε", "e", "η", "n", "ι", "l", "κ", "k", "ν", "v", "ο", "o", "ρ", "p", "τ", "t",
	"υ", "u", "χ", "x", "0", "o", "1", "l", "i", "l", "|", "l")

// LookAlike reports whether two names can be taken for each other: letters of the same shape, whatever the case, the
// accents, and what stands between the letters.
func LookAlike(a, b string) bool { return skeleton(a) == skeleton(b) }

func skeleton(s string) string {
	var out strings.Builder
	for _, r := range norm.NFKD.String(twins.Replace(strings.ToLower(s))) {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			out.WriteRune(r)
		}
	}
	if out.Len() == 0 {
		return s
	}
	return out.String()
}

// CleanText is a line of free text of up to n characters as it is kept, and what is wrong with it, or "".
func CleanText(s string, n int) (clean, problem string) {
	clean = norm.NFC.String(strings.TrimSpace(s))
	return clean, isText(n)(clean)
}
