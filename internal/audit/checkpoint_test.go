package audit

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		host  string
		epoch int
		want  string
	}{
		{"stint.example", 1, "stint.example/stint/audit"},
		{"localhost:8080", 2, "localhost:8080/stint/audit/2"},
		{"", 1, ""}, {"a b", 1, ""}, {"a+b", 1, ""}, {"https://a", 1, ""}, {"a", 0, ""},
	} {
		got, err := Origin(c.host, c.epoch)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Origin(%q, %d) = %q, %v", c.host, c.epoch, got, err)
		}
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	m := filledLog(t, 13)
	c := m.sign(t)
	lines := strings.Split(string(c.Note), "\n")
	if len(lines) != 6 || lines[0] != testOrigin || lines[1] != "13" || lines[2] != m.head.Root.String() || lines[3] != "" || !strings.HasPrefix(lines[4], "— "+testOrigin+" ") {
		t.Fatalf("not a C2SP tlog-checkpoint:\n%s", c.Note)
	}
	back, err := ParseCheckpoint(c.Note, m.signer.VKey())
	if err != nil || back.Origin != testOrigin || back.Size != 13 || back.Root != m.head.Root || !bytes.Equal(back.Note, c.Note) {
		t.Fatalf("%+v, %v", back, err)
	}
	rotated := testSigner(t) // while keys change, both sign; either verifies
	both, err := note.Sign(&note.Note{Text: c.text()}, m.signer.note, rotated.note)
	if err != nil {
		t.Fatal(err)
	}
	for _, vkey := range []string{m.signer.VKey(), rotated.VKey()} {
		if _, err := ParseCheckpoint(both, vkey); err != nil {
			t.Error(err)
		}
	}
	if _, err := ParseCheckpoint(both, m.signer.VKey(), m.signer.VKey()); err != nil {
		t.Errorf("the same key twice: %v", err)
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	s, root := testSigner(t), tlog.RecordHash(nil).String()
	sign := func(text string) []byte {
		b, err := note.Sign(&note.Note{Text: text}, s.note)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := testOrigin + "\n1\n" + root + "\n"
	if _, err := ParseCheckpoint(sign(good), s.VKey()); err != nil {
		t.Fatal(err)
	}
	for name, signed := range map[string][]byte{
		"nothing":         nil,
		"no signature":    []byte(good),
		"extension line":  sign(good + "more\n"),
		"two lines":       sign(testOrigin + "\n1\n"),
		"empty origin":    sign("\n1\n" + root + "\n"),
		"other origin":    sign("other.example/stint/audit\n1\n" + root + "\n"),
		"negative size":   sign(testOrigin + "\n-1\n" + root + "\n"),
		"leading zero":    sign(testOrigin + "\n01\n" + root + "\n"),
		"plus":            sign(testOrigin + "\n+1\n" + root + "\n"),
		"size too large":  sign(testOrigin + "\n9223372036854775808\n" + root + "\n"),
		"short root":      sign(testOrigin + "\n1\nAAAA\n"),
		"root not base64": sign(testOrigin + "\n1\n" + strings.Repeat("!", 44) + "\n"),
		"loose base64":    sign(testOrigin + "\n1\n" + strings.Repeat("A", 42) + "B=\n"),
		"too large":       sign(good + strings.Repeat("x", maxNote) + "\n"),
	} {
		if c, err := ParseCheckpoint(signed, s.VKey()); err == nil {
			t.Errorf("%s: parsed as %+v", name, c)
		}
	}
	if _, err := ParseCheckpoint(sign(good)); err == nil {
		t.Error("parsed without a key")
	}
	if _, err := ParseCheckpoint(sign(good), testSigner(t).VKey()); err == nil {
		t.Error("parsed with another key")
	}
	if _, err := ParseCheckpoint(sign(good), "nonsense"); err == nil {
		t.Error("parsed with a key that is none")
	}
}

func FuzzCheckpoint(f *testing.F) { // F12: checkpoint parser; the key signed one checkpoint, so no other may come out
	s := testSigner(f)
	h := EmptyHead().Append([][]byte{{1}, {2}, {3}}).Head
	c, err := s.Sign(h)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.Note)
	f.Add(append(bytes.Clone(c.Note), "— witness.example AAAAAAAA\n"...))
	f.Add(bytes.Replace(c.Note, []byte("\n3\n"), []byte("\n4\n"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseCheckpoint(b, s.VKey())
		if err == nil && (got.Origin != testOrigin || got.Size != 3 || got.Root != h.Root) {
			t.Fatalf("%q verified as %+v", b, got)
		}
	})
}

func TestReceipt(t *testing.T) {
	m := filledLog(t, 37)
	c := m.sign(t)
	for seq := range int64(37) {
		p, err := Receipt(c, seq, m.rows[seq].Leaf, m)
		if err != nil {
			t.Fatal(err)
		}
		text := p.Format()
		if !bytes.HasPrefix(text, []byte("c2sp.org/tlog-proof@v1\nextra ")) || !bytes.HasSuffix(text, append([]byte("\n\n"), c.Note...)) {
			t.Fatalf("not a C2SP tlog-proof:\n%s", text)
		}
		back, err := ParseProof(text)
		if err != nil {
			t.Fatal(err)
		}
		e, under, err := back.Verify(nil, m.signer.VKey())
		if err != nil || e.Seq != seq || e.ObjectID != m.rows[seq].Entry.ObjectID || under.Size != 37 {
			t.Fatalf("%+v %+v %v", e, under, err)
		}
		back.Extra = nil // the leaf can also come from elsewhere
		if back, err = ParseProof(back.Format()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := back.Verify(m.rows[seq].Leaf, m.signer.VKey()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := back.Verify(m.rows[(seq+1)%37].Leaf, m.signer.VKey()); err == nil {
			t.Fatal("proved another leaf")
		}
		if _, _, err := back.Verify(m.rows[seq].Leaf, testSigner(t).VKey()); err == nil {
			t.Fatal("verified under another key")
		}
	}
	if _, err := Receipt(c, 37, nil, m); err == nil {
		t.Error("a receipt for an entry that is not there")
	}
	m.hashes[1][0] ^= 1 // the sibling of leaf 0
	if _, err := Receipt(c, 0, m.rows[0].Leaf, m); err == nil {
		t.Error("a receipt over a damaged hash table")
	}
}

func TestProofRefusesLeafOfAnotherPlace(t *testing.T) {
	s := testSigner(t)
	leaf, _ := Encode(Entry{Seq: 5, At: sample(1).At, Type: "a.b", Actor: "x", Result: ResultOK})
	a := EmptyHead().Append([][]byte{leaf})
	c, _ := s.Sign(a.Head)
	p := Proof{Index: 0, Checkpoint: c.Note}
	if _, _, err := p.Verify(leaf, s.VKey()); err == nil || !strings.Contains(err.Error(), "leaf says entry 5") {
		t.Error(err)
	}
	notEntry := EmptyHead().Append([][]byte{[]byte("{}")})
	c, _ = s.Sign(notEntry.Head)
	if _, _, err := (Proof{Checkpoint: c.Note}).Verify([]byte("{}"), s.VKey()); err == nil {
		t.Error("a leaf that is no entry verified")
	}
}

func TestParseProofRefuses(t *testing.T) {
	h := tlog.RecordHash(nil).String()
	for name, text := range map[string]string{
		"empty":           "",
		"other header":    "c2sp.org/tlog-proof@v2\nindex 0\n\nx",
		"no index":        "c2sp.org/tlog-proof@v1\n\nx",
		"index word":      "c2sp.org/tlog-proof@v1\nindex one\n\nx",
		"negative index":  "c2sp.org/tlog-proof@v1\nindex -1\n\nx",
		"leading zero":    "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
		"bad hash":        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nx",
		"no empty line":   "c2sp.org/tlog-proof@v1\nindex 0\n" + h + "\n",
		"extra not 64":    "c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nx",
		"empty extra":     "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nx",
		"only extra":      "c2sp.org/tlog-proof@v1\nextra AAAA\n\nx",
		"extra after":     "c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\nx",
		"carriage return": "c2sp.org/tlog-proof@v1\nindex 0\n" + h + "\r\n\nx",
		"too large":       "c2sp.org/tlog-proof@v1\nindex 0\n\n" + strings.Repeat("x", MaxProof),
	} {
		if p, err := ParseProof([]byte(text)); err == nil {
			t.Errorf("%s: parsed as %+v", name, p)
		}
	}
}

func FuzzProof(f *testing.F) { // F12: proof parser
	m := filledLog(f, 9)
	c := m.sign(f)
	for _, seq := range []int64{0, 4, 8} {
		p, err := Receipt(c, seq, m.rows[seq].Leaf, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Format())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Format(), b) {
			t.Fatalf("%q formats as %q", b, p.Format())
		}
		if e, _, err := p.Verify(nil, m.signer.VKey()); err == nil && (e.Seq > 8 || e.ObjectID != m.rows[e.Seq].Entry.ObjectID) {
			t.Fatalf("%q proves %+v", b, e)
		}
	})
}

func TestConsistency(t *testing.T) {
	m := newMemLog(t)
	var all []Checkpoint
	for i := range 25 {
		all = append(all, m.sign(t))
		m.add(t, sample(i))
	}
	for _, older := range all {
		for _, newer := range all {
			proof, err := ProveConsistency(older, newer, m)
			if (err == nil) != (older.Size <= newer.Size) {
				t.Fatalf("%d to %d: %v", older.Size, newer.Size, err)
			}
			if err != nil {
				continue
			}
			forged := older
			forged.Root[0] ^= 1
			if CheckConsistency(older, newer, proof) != nil || CheckConsistency(forged, newer, proof) == nil {
				t.Fatalf("%d to %d is judged wrongly", older.Size, newer.Size)
			}
			if _, err := ProveConsistency(forged, newer, m); err == nil {
				t.Fatalf("%d to %d: proved a root that was never there", older.Size, newer.Size)
			}
		}
	}
	other := all[3]
	other.Origin += "/2"
	if CheckConsistency(other, all[4], nil) == nil {
		t.Error("two logs are called one")
	}
}
