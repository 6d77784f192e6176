package broker

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stint/internal/pim"
	"stint/internal/store"
)

// JournalPath is where the journal of grants lies, given the checkpoint file it lies beside.
func JournalPath(checkpoint string) string { return checkpoint + ".grants" }

// Held is one thing an account holds at a target, by ids alone.
type Held struct {
	Target      string `json:"target"`
	Account     string `json:"account"`
	Entitlement string `json:"entitlement"`
}

func heldOf(g pim.Grant) Held { return Held{g.TargetID, g.AccountID, g.EntitlementID} }

// journalHead is the first line of a journal: whose it is.
type journalHead struct {
	Host  string `json:"stint_grants"` // of the audit log
	Epoch int    `json:"epoch"`
	ID    string `json:"id,omitempty"`   // of the file through all its writings; several nodes keep one each
	Anew  int64  `json:"anew,omitempty"` // how often it was written anew
}

// journalLine says that Stint is about to write, or has seen gone again.
type journalLine struct {
	Held
	Until int64 `json:"until,omitempty"` // µs since 1970 UTC
	Gone  bool  `json:"gone,omitempty"`
}

// journal says outside the database what Stint wrote at targets, so that a restored database can be told what
// it forgot (THREATS T19, §5 "revoke unless proven"). A line is durable before the target is written. Each
// line is followed by a MAC over it and everything before it: nobody without the key file adds a line, and
// the journal of another Stint is not believed. It is safe for concurrent use; nil is no journal.
type journal struct {
	path string
	head journalHead
	key  []byte

	mu      sync.Mutex // the end of the file
	file    *os.File
	mac     []byte        // of the last line
	open    map[Held]mark // what may be at a target
	lines   int           // in the file
	written int64         // lines ever handed to the file
	fault   error         // the last failure to write; nothing is granted until it is mended
	syncing sync.Mutex    // one waits for the disk, for all that came before
	synced  int64         // lines ever known durable
	kept    reached       // what the database knows of it
}

// reached is how far a journal is: a file that is less far is an older one.
type reached struct {
	Anew  int64  `json:"anew"`
	Lines int    `json:"lines"`
	MAC   []byte `json:"mac"` // of the last of them
}

func (r reached) equal(o reached) bool {
	return r.Anew == o.Anew && r.Lines == o.Lines && bytes.Equal(r.MAC, o.MAC)
}

// durable returns how far the journal is on the disk.
func (j *journal) durable() (reached, error) {
	j.mu.Lock()
	at, n := reached{j.head.Anew, j.lines, j.mac}, j.written
	j.mu.Unlock()
	return at, j.sync(n)
}

// mark is how a line stands in the journal: of which attempt, and until when.
type mark struct{ attempt, until int64 }

// compactAt is how many lines a journal has at least before it is written anew without what is gone.
const compactAt = 1000

// pending is what may be at a target as far as this journal knows.
func (j *journal) pending() map[Held]bool {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make(map[Held]bool, len(j.open))
	for h := range j.open {
		out[h] = true
	}
	return out
}

// begin records that a grant is about to be written. It returns when that is durable; several wait for the
// disk together.
func (j *journal) begin(g pim.Grant) error {
	if j == nil {
		return nil
	}
	n, err := j.append(journalLine{Held: heldOf(g), Until: micros(g.WantedUntil)}, g.Attempt)
	if err != nil {
		return err
	}
	return j.sync(n)
}

// settle records that a grant was seen gone. A line lost with the disk's cache is written again at the next
// start, so nobody waits for it.
func (j *journal) settle(g pim.Grant, now time.Time) error {
	if j == nil || g.Wanted || g.Seen != pim.Absent || !g.Settled(now) {
		return nil
	}
	j.mu.Lock()
	m, known := j.open[heldOf(g)]
	j.mu.Unlock()
	if !known || m.attempt > g.Attempt { // a newer pass writes again
		return nil
	}
	_, err := j.append(journalLine{Held: heldOf(g), Gone: true}, g.Attempt)
	return err
}

func (j *journal) append(l journalLine, attempt int64) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if m := j.open[l.Held]; l.Gone && m.attempt > attempt {
		return j.written, nil
	}
	if j.fault != nil {
		if l.Gone {
			delete(j.open, l.Held) // the journal that is written anew leaves it out
		}
		return 0, j.fault
	}
	text, mac := sealLine(j.key, j.mac, l)
	if _, err := j.file.Write(text); err != nil {
		j.fault = fmt.Errorf("the journal of grants %s cannot be written: %w", j.path, err)
		return 0, j.fault
	}
	j.mac = mac
	j.lines++
	j.written++
	if l.Gone {
		delete(j.open, l.Held)
	} else {
		j.open[l.Held] = mark{attempt, l.Until}
	}
	return j.written, nil
}

// sync returns when the first n lines are durable: whoever comes first asks the disk for all that wait.
func (j *journal) sync(n int64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if j.synced >= n {
		return nil
	}
	j.mu.Lock()
	upTo, file, fault := j.written, j.file, j.fault
	j.mu.Unlock()
	if fault != nil {
		return fault
	}
	if err := file.Sync(); err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.fault = fmt.Errorf("the journal of grants %s cannot be kept: %w", j.path, err)
		return j.fault
	}
	j.synced = upTo
	return nil
}

// tend makes what is gone durable, and writes the journal anew when it is mostly over or cannot be written.
func (j *journal) tend() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	n, anew := j.written, j.fault != nil || j.lines > compactAt && j.lines > 4*len(j.open)
	j.mu.Unlock()
	if !anew {
		return j.sync(n)
	}
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rewrite()
}

// why says what is wrong with the journal, or "".
func (j *journal) why() string {
	if j == nil {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fault == nil {
		return ""
	}
	return "What Stint grants cannot be noted outside the database (" + j.fault.Error() + "), so nothing new is granted."
}

// rewrite writes the journal anew with what is open, in one step; the caller holds both locks.
func (j *journal) rewrite() error {
	j.head.Anew++
	file, mac, err := j.writeNew()
	if err != nil {
		j.fault = fmt.Errorf("the journal of grants %s cannot be written: %w", j.path, err)
		return j.fault
	}
	if j.file != nil {
		_ = j.file.Close() // replaced whole: nothing in it is needed
	}
	j.file, j.mac, j.lines, j.fault, j.synced = file, mac, len(j.open), nil, j.written
	return nil
}

func (j *journal) writeNew() (*os.File, []byte, error) {
	text, mac := sealLine(j.key, nil, j.head)
	for h, m := range j.open {
		var line []byte
		line, mac = sealLine(j.key, mac, journalLine{Held: h, Until: m.until})
		text = append(text, line...)
	}
	if err := os.MkdirAll(filepath.Dir(j.path), 0o700); err != nil {
		return nil, nil, err
	}
	tmp := j.path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync()); err == nil {
		err = errors.Join(os.Rename(tmp, j.path), syncDir(filepath.Dir(j.path)))
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, mac, nil
}

// syncDir makes a new name last through a power cut.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sealLine writes one line and the MAC that binds it to all before it.
func sealLine(key, last []byte, v any) (line, mac []byte) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("broker: ids are JSON: " + err.Error())
	}
	h := hmac.New(sha256.New, key)
	h.Write(last)
	h.Write(text)
	mac = h.Sum(nil)
	return fmt.Appendf(nil, "%s\t%s\n", text, base64.StdEncoding.EncodeToString(mac)), mac
}

// errForeign says that a journal is damaged, or another Stint's.
var errForeign = errors.New("it is damaged, or of another Stint")

// readJournal reads whose a journal is, and what it says may be at targets. A last line that a crash cut off
// was not durable, so nothing was written for it.
func readJournal(path string, key []byte) (head journalHead, open map[Held]mark, err error) {
	head, open, _, err = readChain(path, key)
	return head, open, err
}

// readChain is readJournal with the MAC after each line, the first line's first.
func readChain(path string, key []byte) (head journalHead, open map[Held]mark, macs [][]byte, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return head, nil, nil, err
	}
	open = map[Held]mark{}
	var mac []byte
	for n := 0; ; n++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			break
		}
		body, given, _ := bytes.Cut(line, []byte("\t"))
		h := hmac.New(sha256.New, key)
		h.Write(mac)
		h.Write(body)
		mac = h.Sum(nil)
		if want, bad := base64.StdEncoding.DecodeString(string(given)); bad != nil || !hmac.Equal(want, mac) {
			return head, nil, nil, fmt.Errorf("line %d: %w", n+1, errForeign)
		}
		if n == 0 {
			err = json.Unmarshal(body, &head)
		} else {
			err = replayLine(body, open)
		}
		if err != nil {
			return head, nil, nil, err
		}
		macs, text = append(macs, mac), rest
	}
	if head.Host == "" {
		return head, nil, nil, fmt.Errorf("line 1: %w", errForeign)
	}
	return head, open, macs, nil
}

func replayLine(body []byte, open map[Held]mark) error {
	var l journalLine
	if err := json.Unmarshal(body, &l); err != nil {
		return err
	}
	if l.Gone {
		delete(open, l.Held)
	} else {
		open[l.Held] = mark{until: l.Until}
	}
	return nil
}

// openMarks are the grants of a database that Stint may have written and that were not seen gone since.
func openMarks(r *store.Reader) (map[Held]mark, error) {
	live, err := r.LiveGrants()
	if err != nil {
		return nil, err
	}
	open := map[Held]mark{}
	for _, g := range live {
		if g.Before == pim.Absent || g.Adopted {
			open[heldOf(g.Grant)] = mark{g.Attempt, micros(g.WantedUntil)}
		}
	}
	return open, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
