package audit

import "fmt"

// read returns the entry, or what is wrong with the row beside its hash.
func read(row StoredEntry, bare bool) (e Entry, what string) {
	e, err := Decode(row.Leaf)
	if err != nil {
		return e, "its bytes are not an entry: " + err.Error()
	}
	if bare {
		return e, ""
	}
	if column := differs(&row.Entry, &e); column != "" {
		return e, "the column " + column + " differs from the bytes that were hashed"
	}
	return e, checkTexts(e, row.Texts)
}

// differs names the first column that is not what the leaf says.
func differs(row, leaf *Entry) string {
	switch {
	case row.Seq != leaf.Seq:
		return "seq"
	case row.At.UnixMicro() != leaf.At.UnixMicro():
		return "at"
	}
	said := leaf.texts()
	for i, text := range row.texts() {
		if text != said[i] {
			return textColumns[i]
		}
	}
	return ""
}

// checkTexts names the first field, in their order, whose text is not what the entry commits to.
func checkTexts(e Entry, texts map[string]Text) (what string) {
	first := ""
	for field, t := range texts {
		if what != "" && field > first {
			continue
		}
		commitment, ok := e.Commitments[field]
		switch {
		case !ok:
			first, what = field, fmt.Sprintf("a text %q is kept for it, but it does not commit to one", field)
		case len(t.Salt) != SaltSize || !commits(commitment, t.Salt, field, t.Value):
			first, what = field, fmt.Sprintf("the kept text %q or its salt was changed: it does not fit the commitment", field)
		}
	}
	return what
}

func erased(e Entry, texts map[string]Text) (fields []string) {
	for field := range e.Commitments {
		if _, kept := texts[field]; !kept {
			fields = append(fields, field)
		}
	}
	return fields
}
