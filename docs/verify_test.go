package docs_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stint/internal/audit"
)

// judge is a python that imports verify.py and answers each case, one line of JSON each, with what is wrong, or nothing.
const judge = `
import io, json, sys
sys.path.insert(0, ".")
sys.dont_write_bytecode = True
import verify
for line in sys.stdin:
    case = json.loads(line)
    try:
        verify.verify(io.BytesIO(case["export"].encode("latin-1")), tuple(case["vkeys"]), case["remembered"] or None)
        print("")
    except (verify.Bad, ValueError, KeyError, TypeError, AttributeError) as e:
        print(repr(str(e)) or "wrong")
`

// python finds what runs verify.py.
func python(t *testing.T) {
	t.Helper()
	for _, program := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
}

// logOf is a log of so many entries, signed at several places; what says what its entries are about.
type logOf struct {
	leaves      [][]byte
	checkpoints []audit.StoredCheckpoint
}

func newLog(t *testing.T, signer *audit.Signer, n int, what string) (l logOf) {
	t.Helper()
	head := audit.EmptyHead()
	for i := range n {
		leaf, err := audit.Encode(audit.Entry{Seq: int64(i), At: time.UnixMicro(1_790_000_000_000_000 + int64(i)), Type: "assignment.made", Actor: fmt.Sprint("p", i%7), Subject: what, Result: audit.ResultOK,
			Facts: map[string]any{"kind": "eligible\n\u00e9\x01\"\\/\u2028", "ends_at": int64(i), "groups": []string{"a", "b"}}})
		if err != nil {
			t.Fatal(err)
		}
		l.leaves = append(l.leaves, leaf)
		head = head.Append([][]byte{leaf}).Head
		if i%5 == 4 || i == n-1 {
			c, err := signer.Sign(head)
			if err != nil {
				t.Fatal(err)
			}
			l.checkpoints = append(l.checkpoints, audit.StoredCheckpoint{Size: c.Size, Note: c.Note})
		}
	}
	return l
}

func (l logOf) last() string { return string(l.checkpoints[len(l.checkpoints)-1].Note) }

func (l logOf) export(t *testing.T, origin string) string {
	t.Helper()
	leaves := func(yield func([]byte, error) bool) {
		for _, leaf := range l.leaves {
			if !yield(leaf, nil) {
				return
			}
		}
	}
	checkpoints := func(yield func(audit.StoredCheckpoint, error) bool) {
		for _, c := range l.checkpoints {
			if !yield(c, nil) {
				return
			}
		}
	}
	var b bytes.Buffer
	if err := audit.WriteExport(&b, origin, int64(len(l.leaves)), leaves, checkpoints); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func auditKey(t *testing.T) *audit.Signer {
	t.Helper()
	signer, err := audit.OpenSigner(filepath.Join(t.TempDir(), "keys", "audit.key"), "stint.example/stint/audit", "")
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// verdict is what Stint says of an export, "" when it is good.
func verdict(export, vkey, remembered string) string {
	l, err := audit.ReadExport(strings.NewReader(export))
	if err != nil {
		return err.Error()
	}
	if l.VKeys = []string{vkey}; remembered != "" {
		l.Remembered = [][]byte{[]byte(remembered)}
	}
	report, err := audit.Verify(l)
	if err != nil {
		return err.Error()
	}
	if first, bad := report.First(); bad {
		return first.String()
	}
	return ""
}

type verifyCase struct {
	Export     string   `json:"export"`
	VKeys      []string `json:"vkeys"`
	Remembered string   `json:"remembered"`
}

// T20: two verifiers that have nothing in common agree on 2,000 exports that were changed at random, and on the good ones.
func TestTheSecondVerifierAgrees(t *testing.T) {
	python(t)
	base := rand.Uint64()
	if text := os.Getenv("STINT_SEED"); text != "" {
		base, _ = strconv.ParseUint(text, 10, 64)
	}
	r := rand.New(rand.NewPCG(base, 80))
	signer := auditKey(t)
	good, other := newLog(t, signer, 33, "alice"), newLog(t, signer, 40, "mallory")
	cases := []verifyCase{{good.export(t, signer.Origin()), nil, ""}, {good.export(t, signer.Origin()), nil, good.last()}, {other.export(t, signer.Origin()), nil, ""},
		{other.export(t, signer.Origin()), nil, good.last()}, {good.export(t, signer.Origin()), nil, string(good.checkpoints[2].Note)}, {good.export(t, signer.Origin()), nil, other.last()}}
	for range 2000 {
		remembered := []string{"", good.last(), string(good.checkpoints[r.IntN(len(good.checkpoints))].Note)}[r.IntN(3)]
		cases = append(cases, verifyCase{changed(good.export(t, signer.Origin()), r), nil, remembered})
	}
	var in bytes.Buffer
	for i := range cases {
		cases[i].VKeys = []string{signer.VKey()}
		line, err := json.Marshal(map[string]any{"export": latin(cases[i].Export), "vkeys": cases[i].VKeys, "remembered": cases[i].Remembered})
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command("python3", "-c", judge)
	cmd.Stdin = &in
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	answers := bufio.NewScanner(bytes.NewReader(out))
	bad := 0
	for i, c := range cases {
		if !answers.Scan() {
			t.Fatalf("%d answers of %d", i, len(cases))
		}
		ours, theirs := verdict(c.Export, c.VKeys[0], c.Remembered), answers.Text()
		if (ours == "") != (theirs == "") {
			t.Fatalf("STINT_SEED=%d, case %d: stint says %q, verify.py says %q\n%s", base, i, ours, theirs, c.Export)
		}
		if theirs != "" {
			bad++
		} else if i >= 6 && c.Remembered == good.last() && entriesIn(c.Export) != entriesIn(cases[0].Export) {
			t.Fatalf("STINT_SEED=%d, case %d: both call it good\n%s", base, i, c.Export)
		}
	}
	t.Logf("%d of %d exports are found bad by both", bad, len(cases))
}

// entriesIn is an export without its checkpoints: with fewer of them it says the same.
func entriesIn(export string) string {
	lines := strings.Split(strings.TrimSuffix(export, "\n"), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, `{"checkpoint"`) }), "\n")
}

// latin hands every byte through JSON as a character of its own.
func latin(s string) string {
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

// changed is an export after one random change.
func changed(export string, r *rand.Rand) string {
	lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
	i, j := r.IntN(len(lines)), r.IntN(len(lines))
	switch r.IntN(7) {
	case 0: // a byte
		b := []byte(export)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return string(b)
	case 1:
		lines = slices.Delete(lines, i, i+1)
	case 2:
		lines = slices.Insert(lines, i, lines[j])
	case 3:
		lines[i], lines[j] = lines[j], lines[i]
	case 4: // a cut
		return export[:r.IntN(len(export))]
	case 5: // a cut at a line, with the head made to fit
		lines = lines[:1+r.IntN(len(lines)-1)]
		n := 0
		for _, l := range lines[1:] {
			if strings.HasPrefix(l, `{"actor"`) {
				n++
			}
		}
		lines[0] = strings.Replace(lines[0], `"entries":33`, fmt.Sprintf(`"entries":%d`, n), 1)
	default: // a digit
		b := []byte(export)
		for k := r.IntN(len(b)); ; k = (k + 1) % len(b) {
			if b[k] >= '0' && b[k] <= '9' {
				b[k] = '0' + (b[k]-'0'+1+byte(r.IntN(9)))%10 // #nosec G115 -- a digit
				return string(b)
			}
		}
	}
	return strings.Join(lines, "")
}

// As an auditor runs it: the verdict in words, the status, and what is remembered.
func TestVerifyPy(t *testing.T) {
	python(t)
	signer := auditKey(t)
	dir := t.TempDir()
	path, memory := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "seen")
	run := func(l logOf, args ...string) (string, bool) {
		t.Helper()
		if err := os.WriteFile(path, []byte(l.export(t, signer.Origin())), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("python3", append([]string{"verify.py", path, signer.VKey()}, args...)...).CombinedOutput()
		return string(out), err == nil
	}
	short, long, other := newLog(t, signer, 10, "alice"), newLog(t, signer, 33, "alice"), newLog(t, signer, 40, "mallory")
	if out, ok := run(long, "--remember", memory); !ok || !strings.Contains(out, "All 33 entries") {
		t.Errorf("a good export: %s", out)
	}
	if seen, err := os.ReadFile(memory); err != nil || string(seen) != long.last() {
		t.Errorf("remembered is %q, %v", seen, err)
	}
	if out, ok := run(short); !ok {
		t.Errorf("without a memory an older export is good: %s", out)
	}
	if out, ok := run(short, "--remember", memory); ok || !strings.Contains(out, "TRUNCATED") {
		t.Errorf("an older export: %s", out)
	}
	if out, ok := run(other, "--remember", memory); ok || !strings.Contains(out, "REWRITTEN") {
		t.Errorf("another log with the same key: %s", out)
	}
	if seen, err := os.ReadFile(memory); err != nil || string(seen) != long.last() {
		t.Errorf("what was seen before is forgotten: %q, %v", seen, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(long.export(t, signer.Origin()), "alice", "alicf", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("python3", "verify.py", path, signer.VKey()).CombinedOutput(); err == nil || !strings.Contains(string(out), "BAD: entries 0 to 4") {
		t.Errorf("a changed entry: %s", out)
	}
	if out, err := exec.Command("python3", "verify.py", path, auditKey(t).VKey()).CombinedOutput(); err == nil {
		t.Errorf("another key: %s", out)
	}
}
