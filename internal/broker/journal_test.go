package broker_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stint/internal/audit"
	"stint/internal/broker"
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/stepup"
	"stint/internal/store"
)

// kept is a world that keeps checkpoint and journal outside its database.
type kept struct {
	*world
	outside string
	signer  *audit.Signer
	log     io.Writer // of the program
	held    string    // an activation
	back    bool      // it was given back
}

func newKept(t *testing.T) *kept {
	t.Helper()
	c := &clock{now: epoch}
	// A file, whatever the other tests run on: here backups are made and put back.
	w := newWorldIn(t, store.Options{Path: filepath.Join(t.TempDir(), "stint.db"), Now: c.Now, Mono: c.Mono, Twice: true})
	w.clock = c
	k := &kept{log: io.Discard, world: w, outside: filepath.Join(t.TempDir(), "elsewhere", "checkpoint")}
	var err error
	k.signer, err = audit.OpenSigner(filepath.Join(t.TempDir(), "keys", "audit.key"), "stint.example/stint/audit", "")
	w.ok(err)
	k.open(w.b.Store())
	w.enrol("alice")
	w.tick()
	return k
}

// open runs a broker over a database of this world, as a start of the program does.
func (k *kept) open(s *store.Store) {
	k.Helper()
	rp, err := stepup.New("http://localhost:8080", "Stint")
	k.ok(err)
	sealer, err := broker.OpenSealer(filepath.Join(k.TempDir(), "keys", "seal.key"), "")
	k.ok(err)
	k.b = broker.New(broker.Config{Store: s, Log: slog.New(slog.NewTextHandler(k.log, nil)), StepUp: rp, Sealer: sealer, Signer: k.signer, Outside: k.outside,
		Open: func(string, connector.Config) (connector.Connector, error) { return k.ward, nil }})
	k.ok(k.b.RecordKeys(k.ctx, "stint.example"))
	k.ok(k.b.OpenJournal(k.ctx))
}

func (k *kept) backup() string {
	k.Helper()
	path := filepath.Join(k.TempDir(), "backup.db")
	k.ok(k.b.Store().Backup(k.ctx, path))
	return path
}

// putBack opens a backup in the place of the database.
func (k *kept) putBack(path string) *store.Store {
	k.Helper()
	s, err := store.Open(k.ctx, store.Options{Path: path, Now: k.clock.Now, Mono: k.clock.Mono, Twice: true})
	k.ok(err)
	k.Cleanup(func() { s.Close() })
	return s
}

// restore opens a backup as a new epoch and says what the journal proved.
func (k *kept) restore(path string) (broker.Reclaimed, string) {
	k.Helper()
	proven, words := broker.ReadProven(broker.JournalPath(k.outside), k.signer, "stint.example", 1)
	s := k.putBack(path)
	outside := k.outside
	k.outside = "" // a restore only reads what lies outside
	k.open(s)
	k.outside = outside
	next, err := k.signer.ForOrigin("stint.example/stint/audit/2")
	k.ok(err)
	back, err := k.b.OpenEpoch(k.ctx, next, 2, broker.Standing{Behind: true}, proven, "the disk is broken")
	k.ok(err)
	k.signer = next
	_, err = k.b.ScanDue(k.ctx)
	k.ok(err)
	return back, words
}

func (k *kept) beside() (names []string) {
	k.Helper()
	found, err := store.Read(k.ctx, k.b.Store(), func(r *store.Reader) (*broker.Beside, error) { return broker.BesideAt(r, "dir") })
	k.ok(err)
	if found == nil || found.At.IsZero() {
		k.Fatal("nobody looked what is held beside Stint")
	}
	for _, h := range found.Held {
		names = append(names, h.Account)
	}
	return names
}

func (k *kept) journal() string {
	k.Helper()
	text, err := os.ReadFile(broker.JournalPath(k.outside))
	k.ok(err)
	return string(text)
}

// T19, §5 "revoke unless proven": what Stint gave first after the backup is taken away after the restore, by
// the word of the journal outside; standing access nobody recorded is listed and left.
func TestRestoreTakesBackWhatTheJournalProves(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	monday := k.backup()
	k.ward.after = func() {
		if !strings.Contains(k.journal(), `"account":"id:alice"`) {
			t.Error("the target is written before the journal: an intent that follows its effect")
		}
	}
	k.activate("alice", "alice-dba", 30*time.Minute)
	k.tick()
	k.ward.held["id:bob/id:cn=dba"], k.ward.held["id:stranger/id:cn=dba"] = true, true
	if !k.member("alice") {
		t.Fatal("not granted")
	}
	if text := k.journal(); strings.Contains(text, "fix the index") || strings.Contains(text, "DBA") {
		t.Errorf("more than ids in the journal: %s", text)
	}
	info, err := os.Stat(broker.JournalPath(k.outside))
	k.ok(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the journal has mode %v", info.Mode())
	}

	back, words := k.restore(monday)
	if back.Grants != 1 || words != "" {
		t.Errorf("taken back: %+v %q", back, words)
	}
	if got := strings.Join(k.beside(), " "); got != "id:bob id:stranger" {
		t.Errorf("listed as held beside Stint: %s", got)
	}
	k.tick()
	if k.member("alice") || !k.member("bob") || !k.ward.holds("id:stranger/id:cn=dba") {
		t.Errorf("after the restore: alice %v, bob %v", k.member("alice"), k.member("bob"))
	}
	for event, want := range map[pim.EventType]int{pim.EvGrantReclaimed: 1, pim.EvGrantGone: 1} {
		all, err := store.Read(k.ctx, k.b.Store(), func(r *store.Reader) ([]store.EntryRow, error) {
			return r.Entries(store.EntryFilter{Type: string(event), Limit: 10})
		})
		k.ok(err)
		if len(all) != want {
			t.Errorf("%s: %d entries", event, len(all))
		}
	}
	k.open(k.b.Store()) // the next start: the journal is of the new epoch, with nothing open
	if text := k.journal(); !strings.Contains(text, `"epoch":2`) || strings.Contains(text, "alice") {
		t.Errorf("the journal of the new epoch: %s", text)
	}
}

// T19: a database that lost its last commits without anybody noticing takes back what the journal knows.
func TestStartTakesBackWhatTheDatabaseLost(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	before := k.backup()
	k.activate("alice", "alice-dba", 30*time.Minute)
	k.tick()
	k.open(k.putBack(before))
	k.tick()
	if k.member("alice") {
		t.Error("the database lost the grant, the journal has it, and alice still holds it")
	}
}

// T19: a journal that is lost, older, damaged, or another Stint's proves nothing; then everything is only listed.
func TestJournalThatProvesNothing(t *testing.T) {
	t.Parallel()
	spoil := map[string]struct {
		do   func(*kept, string)
		want string
	}{
		"lost":     {func(k *kept, p string) { k.ok(os.Remove(p)) }, "There is no journal"},
		"damaged":  {func(k *kept, p string) { k.rewrite(p, "id:alice", "id:carol") }, "damaged, or of another Stint"},
		"cut":      {func(k *kept, p string) { k.ok(os.WriteFile(p, nil, 0o600)) }, "damaged, or of another Stint"},
		"promoted": {func(k *kept, p string) { k.rewrite(p, `"epoch":1`, `"epoch":2`) }, "damaged, or of another Stint"},
		"another's": {func(k *kept, p string) {
			other := newKept(t)
			other.activate("alice", "alice-dba", 30*time.Minute)
			other.tick()
			k.ok(os.WriteFile(p, []byte(other.journal()), 0o600))
		}, "damaged, or of another Stint"},
	}
	for name, c := range spoil {
		t.Run(name, func(t *testing.T) {
			k := newKept(t)
			monday := k.backup()
			k.activate("alice", "alice-dba", 30*time.Minute)
			k.tick()
			c.do(k, broker.JournalPath(k.outside))
			back, words := k.restore(monday)
			if back.Grants != 0 || !strings.Contains(words, c.want) {
				t.Errorf("%+v %q", back, words)
			}
			if got := strings.Join(k.beside(), " "); got != "id:alice" {
				t.Errorf("listed: %s", got)
			}
			k.tick()
			if !k.member("alice") {
				t.Error("taken away although nothing proves that it was Stint's")
			}
		})
	}
	k := newKept(t)
	if _, words := broker.ReadProven(broker.JournalPath(k.outside), k.signer, "stint.example", 2); !strings.Contains(words, "older than the backup") {
		t.Errorf("a journal of an earlier epoch than the backup: %q", words)
	}
	if _, words := broker.ReadProven(broker.JournalPath(k.outside), k.signer, "other.example", 1); !strings.Contains(words, "of another Stint") {
		t.Errorf("a journal of another host: %q", words)
	}
}

func (k *kept) rewrite(path, from, to string) {
	k.Helper()
	text := strings.Replace(k.journal(), from, to, 1)
	if text == k.journal() {
		k.Fatalf("%s is not in the journal", from)
	}
	k.ok(os.WriteFile(path, []byte(text), 0o600))
}

// A line that a crash cut off was not durable, so the target was not written; the whole ones before it count.
func TestJournalCutOffByACrash(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	k.activate("alice", "alice-dba", 30*time.Minute)
	k.tick()
	path := broker.JournalPath(k.outside)
	k.ok(os.WriteFile(path, []byte(k.journal()+`{"target":"dir","account":"id:b`), 0o600))
	proven, words := broker.ReadProven(path, k.signer, "stint.example", 1)
	if len(proven) != 1 || words != "" {
		t.Errorf("%v %q", proven, words)
	}
}

// What is seen gone leaves the journal: standing access given by hand afterwards is not Stint's.
func TestJournalForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	id := k.activate("alice", "alice-dba", 30*time.Minute)
	k.tick()
	k.ok(k.b.Deactivate(k.ctx, k.as("alice"), id))
	k.tick()
	proven, words := broker.ReadProven(broker.JournalPath(k.outside), k.signer, "stint.example", 1)
	if len(proven) != 0 || words != "" {
		t.Errorf("gone, and still in the journal: %v %q", proven, words)
	}
}

// T19, invariant 6: where the journal cannot be kept nothing new is granted, and what is due is taken away.
func TestNothingIsGrantedWithoutTheJournal(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	id := k.activate("alice", "alice-dba", 30*time.Minute)
	k.tick()
	k.ok(os.RemoveAll(filepath.Dir(k.outside)))
	k.ok(os.WriteFile(filepath.Dir(k.outside), nil, 0o600)) // no directory any more
	if err := k.b.OpenJournal(k.ctx); err == nil {
		t.Fatal("a journal in no directory")
	}
	if why := k.b.Paused(); !strings.Contains(why, "cannot be noted outside the database") {
		t.Errorf("paused: %q", why)
	}
	k.clock.add(31 * time.Minute)
	k.tick()
	if a := k.activation(id); a.SettledAt.IsZero() || k.member("alice") {
		t.Errorf("the end was not kept: %s, member %v", a.State, k.member("alice"))
	}
}

// T19: a journal of this epoch that is older than the database knows was put back by somebody. It is told, and written anew;
// one that merely goes on, was cut off by a crash, or is another node's is none.
func TestOlderJournalIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(k *kept, older string) string // what the file holds at the next start
		older bool
	}{
		"as it was left":     {func(k *kept, _ string) string { return k.journal() }, false},
		"cut off by a crash": {func(k *kept, _ string) string { return k.journal() + `{"target":"dir"` }, false},
		"one line more":      {func(k *kept, _ string) string { k.giveBack(); return k.journal() }, false},
		"put back":           {func(_ *kept, older string) string { return older }, true},
		"without its last": {func(k *kept, _ string) string {
			text := strings.TrimSuffix(k.journal(), "\n")
			return text[:strings.LastIndex(text, "\n")+1]
		}, true},
		"from the last start": {func(k *kept, older string) string { k.open(k.b.Store()); return older }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKept(t)
			k.ok(k.b.TendJournal(k.ctx))
			older := k.journal()
			k.hold()
			k.ok(k.b.TendJournal(k.ctx))
			text := c.do(k, older)
			k.ok(os.WriteFile(broker.JournalPath(k.outside), []byte(text), 0o600))
			var log strings.Builder
			k.log = &log
			k.open(k.b.Store())
			if told := strings.Contains(log.String(), "older one than the database knows"); told != c.older {
				t.Errorf("told %v: %s", told, log.String())
			}
			proven, words := broker.ReadProven(broker.JournalPath(k.outside), k.signer, "stint.example", 1)
			if (len(proven) == 0) != k.back || words != "" {
				t.Errorf("written anew it proves %v, %s", proven, words)
			}
			log.Reset()
			k.open(k.b.Store())
			if strings.Contains(log.String(), "older one") {
				t.Error("told again at the start after")
			}
		})
	}
}

// hold lets somebody hold a role, so that the journal grows.
func (k *kept) hold() {
	k.Helper()
	k.held = k.activate("alice", "alice-dba", 30*time.Minute)
	k.tick()
}

// giveBack ends it, so that the journal says it is gone.
func (k *kept) giveBack() {
	k.Helper()
	k.back = true
	k.ok(k.b.Deactivate(k.ctx, k.as("alice"), k.held))
	k.tick()
}
