package audit

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
)

// exported is a log as lines.
func exported(t testing.TB, m *memLog) string {
	t.Helper()
	var b bytes.Buffer
	leaves := func(yield func([]byte, error) bool) {
		for _, row := range m.rows {
			if !yield(row.Leaf, nil) {
				return
			}
		}
	}
	if err := WriteExport(&b, testOrigin, m.head.Size, leaves, each(m.checkpoints)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func verifyExport(t testing.TB, m *memLog, text string, remembered ...[]byte) (Report, error) {
	t.Helper()
	l, err := ReadExport(strings.NewReader(text))
	if err != nil {
		return Report{}, err
	}
	l.VKeys, l.Remembered = []string{m.signer.VKey()}, remembered
	return verify(t, l), nil
}

func TestExportHoldsWhatWasHashed(t *testing.T) {
	for n := range 40 {
		m := filledLog(t, n)
		if n == 0 {
			m.checkpoints = nil
		}
		text := exported(t, m)
		r, err := verifyExport(t, m, text)
		if err != nil || !r.OK() || r.Size != int64(n) || r.Root != m.head.Root || r.Signed != int64(n) || len(r.Erased) != 0 {
			t.Fatalf("%d entries: %+v, %v", n, r, err)
		}
		lines := strings.Split(text, "\n")
		for i, at := 0, 1; i < n; at++ {
			if !strings.HasPrefix(lines[at], `{"checkpoint":`) {
				if lines[at] != string(m.rows[i].Leaf) {
					t.Fatalf("line %d is not entry %d", at, i)
				}
				i++
			}
		}
	}
}

func TestExportRefusesWhatIsNotWhole(t *testing.T) {
	m := filledLog(t, 20)
	var b bytes.Buffer
	fault := errors.New("the disk")
	for name, leaves := range map[string]func(func([]byte, error) bool){
		"too few":      func(yield func([]byte, error) bool) { yield(m.rows[0].Leaf, nil) },
		"a fault":      func(yield func([]byte, error) bool) { yield(nil, fault) },
		"a line's end": func(yield func([]byte, error) bool) { yield([]byte("{\n}"), nil) },
	} {
		if err := WriteExport(&b, testOrigin, 20, leaves, each(m.checkpoints)); err == nil {
			t.Errorf("%s is exported", name)
		}
	}
}

func TestVerifyExportNamesWhatIsWrong(t *testing.T) { // T20
	m := filledLog(t, 40)
	good := exported(t, m)
	whole := m.checkpoints[len(m.checkpoints)-1].Note
	line := func(n int) string { return strings.SplitAfter(good, "\n")[n] }
	for name, c := range map[string]struct {
		text         string
		seq, through int64
		what         string
	}{
		"a changed entry":             {strings.Replace(good, `"actor":"person-3"`, `"actor":"person-4"`, 1), 0, 7, "an entry was changed"},
		"no entry":                    {strings.Replace(good, line(4), "{}\n", 1), 3, 3, "not an entry"},
		"an empty line":               {strings.Replace(good, line(4), "\n", 1), 3, 3, "not an entry"},
		"a line gone":                 {strings.Replace(good, line(4), "", 1), 3, 3, "missing; the next"},
		"a line twice":                {strings.Replace(good, line(4), line(4)+line(4), 1), 3, 3, "more than once"},
		"a space":                     {strings.Replace(good, line(4), " "+line(4), 1), 3, 3, "not an entry"},
		"a carriage return":           {strings.Replace(good, line(4), strings.TrimSuffix(line(4), "\n")+"\r\n", 1), 3, 3, "canonical"},
		"a checkpoint moved":          {strings.Replace(strings.Replace(good, line(9), "", 1), line(10), line(10)+line(9), 1), -1, -1, "wrong size"},
		"a checkpoint spelt":          {strings.Replace(good, `{"checkpoint":"s`, `{"checkpoint": "s`, 1), -1, -1, "cannot be trusted"},
		"an earlier end":              {good[:strings.Index(good, line(36))], 32, 39, "missing; the log ends"},
		"an earlier end and its head": {strings.Replace(good[:strings.Index(good, line(37))], `"entries":40`, `"entries":32`, 1), 32, 39, "missing; the log ends"},
	} {
		r, err := verifyExport(t, m, c.text, whole)
		if f, bad := r.First(); err != nil || !bad || f.Seq != c.seq || f.Through != c.through || !strings.Contains(f.What, c.what) {
			t.Errorf("%s: %+v, %v", name, r.Findings, err)
		}
		if cut := strings.Contains(name, "earlier end"); r.Truncated != cut || r.Rewritten {
			t.Errorf("%s: truncated %v, rewritten %v", name, r.Truncated, r.Rewritten)
		}
	}
	for _, text := range []string{"", "\n", line(1), strings.Replace(good, `"v":1}`, `"v":2}`, 1), strings.Replace(good, "stint-audit-export", "other", 1),
		strings.Replace(good, `"entries":40`, `"entries":-1`, 1), strings.Replace(good, `"entries":40`, `"entries":040`, 1), line(0) + strings.Repeat("x", maxLine+1)} {
		if r, err := verifyExport(t, m, text); err == nil {
			t.Errorf("%.40q is read: %+v", text, r)
		}
	}
	if r, err := verifyExport(t, m, strings.TrimSuffix(good, line(45))); err != nil || len(r.Findings) != 1 || r.Findings[0].Seq != 32 || r.Findings[0].Through != 39 {
		t.Errorf("an export that is not signed to its end: %+v, %v", r, err)
	}
	if r, err := verifyExport(t, m, exported(t, &memLog{head: m.head, rows: m.rows, signer: m.signer})); err != nil || r.OK() || !strings.Contains(r.Findings[0].What, "no checkpoint") {
		t.Errorf("an export without a signature is good: %+v, %v", r, err)
	}
}

func FuzzExport(f *testing.F) { // F12: nothing but what was signed verifies
	m := filledLog(f, 20)
	good := exported(f, m)
	f.Add(good)
	f.Add(strings.Replace(good, "person-3", "person-4", 1))
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, text string) {
		r, err := verifyExport(t, m, text)
		if err != nil || !r.OK() || r.Size == 0 {
			return
		}
		h, err := LoadHead(r.Size, m)
		if err != nil || r.Root != h.Root {
			t.Fatalf("%q verified with %d entries", text, r.Size)
		}
	})
}

func TestVKeyForAnEpoch(t *testing.T) {
	s := testSigner(t)
	second, err := s.ForOrigin(testOrigin + "/2")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := VKeyFor(s.VKey(), testOrigin+"/2"); err != nil || got != second.VKey() {
		t.Errorf("%s, %v, want %s", got, err, second.VKey())
	}
	for _, vkey := range []string{"", "a+b", "a+b+c", "a+00000000+AAAA"} {
		if got, err := VKeyFor(vkey, testOrigin); err == nil {
			t.Errorf("%q is made %q", vkey, got)
		}
	}
	for origin, want := range map[string]int{"a.example/stint/audit": 1, "a.example:8443/stint/audit/2": 2, "localhost/stint/audit/17": 17} {
		host, epoch, err := ParseOrigin(origin)
		if again, bad := Origin(host, epoch); err != nil || bad != nil || epoch != want || again != origin {
			t.Errorf("%s: %q, %d, %v", origin, host, epoch, err)
		}
	}
	for _, origin := range []string{"", "/stint/audit", "a.example", "a.example/stint/audit/1", "a.example/stint/audit/", "a.example/stint/audit/02", "a.example/stint/audit/x", "a.example/stint/audit/2/3"} {
		if host, epoch, err := ParseOrigin(origin); err == nil {
			t.Errorf("%q is epoch %d of %q", origin, epoch, host)
		}
	}
}

// An export that is nothing but checkpoints is read without being kept: a hostile file costs no memory (T31).
func TestExportOfCheckpointsIsNotKept(t *testing.T) {
	m := filledLog(t, 8)
	text := exported(t, m)
	at := strings.LastIndex(text, checkpointLine)
	text += strings.Repeat(text[at:], 40_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l, err := ReadExport(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := 0
	for c, err := range l.Checkpoints {
		if n++; err != nil || c.Size != 8 || len(c.Note) == 0 {
			t.Fatalf("checkpoint %d: %+v, %v", n, c, err)
		}
	}
	if n != 40_001 {
		t.Errorf("%d checkpoints", n)
	}
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > int64(len(text))/4 {
		t.Errorf("%d bytes are kept of an export of %d", kept, len(text))
	}
	runtime.KeepAlive(l)
}
