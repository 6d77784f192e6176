package web_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
)

// What follows reads C2SP signed-note, tlog-checkpoint, tlog-proof and tlog-tiles, and RFC 6962 section 2.1, with the
// standard library alone: nothing of what Stint writes them with.

func sum(parts ...[]byte) []byte {
	h := sha256.Sum256(bytes.Join(parts, nil))
	return h[:]
}

// treeHash is MTH(D) of RFC 6962 section 2.1.
func treeHash(leaves [][]byte) []byte {
	switch len(leaves) {
	case 0:
		return sum()
	case 1:
		return sum([]byte{0}, leaves[0])
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return sum([]byte{1}, treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// rootFrom follows an inclusion proof from a leaf's hash, as RFC 9162 section 2.1.3.2 says.
func rootFrom(hash []byte, index, size int64, path [][]byte) []byte {
	fn, sn := index, size-1
	for _, p := range path {
		if sn == 0 {
			return nil
		}
		if fn&1 == 1 || fn == sn {
			hash = sum([]byte{1}, p, hash)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			hash = sum([]byte{1}, hash, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 {
		return nil
	}
	return hash
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// checkpointIn reads a checkpoint and verifies its one signature.
func checkpointIn(t *testing.T, note, vkey string) (size int64, root []byte) {
	t.Helper()
	at := strings.LastIndex(note, "\n\n")
	text, sig := note[:at+1], note[at+2:]
	name, rest, _ := strings.Cut(vkey, "+")
	id, key64, _ := strings.Cut(rest, "+")
	key := unbase64(t, key64)
	want := fmt.Sprintf("%x", sum([]byte(name+"\n"), key)[:4])
	raw := unbase64(t, strings.TrimSuffix(strings.TrimPrefix(sig, "— "+name+" "), "\n"))
	if id != want || fmt.Sprintf("%x", raw[:4]) != want || !ed25519.Verify(key[1:], []byte(text), raw[4:]) {
		t.Fatalf("%q is not signed by %s", note, vkey)
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != name {
		t.Fatalf("%q is no checkpoint", text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		t.Fatal(err)
	}
	return size, unbase64(t, lines[2])
}

// proves reads a proof and returns the leaf it carries, which it proved.
func proves(t *testing.T, text, vkey string) (index int64, leaf []byte) {
	t.Helper()
	head, note, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		t.Fatalf("%q is no proof", text)
	}
	leaf = unbase64(t, strings.TrimPrefix(lines[1], "extra "))
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var path [][]byte
	for _, l := range lines[3:] {
		path = append(path, unbase64(t, l))
	}
	size, root := checkpointIn(t, note, vkey)
	if !bytes.Equal(rootFrom(sum([]byte{0}, leaf), index, size, path), root) {
		t.Fatalf("entry %d is not proved by %q", index, text)
	}
	return index, leaf
}

// THREATS §5, A-54: who reads an entry gets its proof, which verifies without Stint; its page says how.
func TestAnEntryIsProved(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	requested := w.Events(pim.EvActRequested)[0].Seq
	address := fmt.Sprintf("/audit/%d/proof", requested)
	if got := people["dora"].Get(address).Want(t, http.StatusConflict).Text("main"); !strings.Contains(got, "not signed yet") {
		t.Errorf("before the log is signed: %q", got)
	}
	if got := people["dora"].Get(fmt.Sprintf("/audit/%d", requested)); got.Find("a[download]").Length() != 0 || !strings.Contains(got.Text("aside"), "Not covered yet") {
		t.Errorf("before the log is signed its page says %q", got.Text("aside"))
	}
	w.Sign()
	for id, want := range map[string]int{"alice": 200, "bob": 200, "carol": 200, "dora": 200, "erin": 404} {
		page := people[id].Get(address).Want(t, want)
		if want != http.StatusOK {
			continue
		}
		index, leaf := proves(t, page.Body, w.LogKey())
		var said struct {
			Seq   int64  `json:"seq"`
			Type  string `json:"type"`
			Actor string `json:"actor"`
		}
		if err := json.Unmarshal(leaf, &said); err != nil || index != requested || said.Seq != requested || said.Type != "activation.requested" || said.Actor != "alice" {
			t.Errorf("%s has a proof of entry %d, %s", id, index, leaf)
		}
		if strings.Contains(string(leaf), "ledger") {
			t.Errorf("the reason is in the proof: %s", leaf)
		}
		if got := page.Header.Get("Content-Disposition"); got != fmt.Sprintf(`attachment; filename="audit-%d.tlog-proof"`, requested) {
			t.Errorf("it is handed out as %q", got)
		}
	}
	page := people["alice"].Get(fmt.Sprintf("/audit/%d", requested)).Want(t, http.StatusOK)
	if href := page.Find("a[download]").AttrOr("href", ""); href != address {
		t.Errorf("the page leads to %q", href)
	}
	if want := fmt.Sprintf("stint audit verify audit-%d.tlog-proof --vkey %s", requested, w.LogKey()); page.Text("aside p.code") != want {
		t.Errorf("the page says %q, want %q", page.Text("aside p.code"), want)
	}
	for _, seq := range []string{"999999", "-1", "01", "x"} {
		people["dora"].Get("/audit/"+seq+"/proof").Want(t, http.StatusNotFound)
	}
}

// logged makes the log so long, in few writes.
func logged(w *stinttest.World, entries int64) {
	w.Helper()
	w.Do(func(tx *store.Tx) error {
		for range entries - tx.Head().Size {
			tx.Emit(pim.PersonEvent(pim.EvSignedOut, "dora", "dora", ""))
		}
		return nil
	})
}

// THREATS §5: auditors read the log as C2SP tlog-tiles lays it out, as far as it is signed; full tiles never change.
func TestTiles(t *testing.T) {
	t.Parallel()
	w, people, _ := approvedWorld(t)
	dora := people["dora"]
	dora.Get("/log/checkpoint").Want(t, http.StatusNotFound)
	dora.Get("/log/tile/0/000.p/1").Want(t, http.StatusNotFound) // nothing is signed
	logged(w, 600)
	w.Sign()
	logged(w, 700)
	page := dora.Get("/log/checkpoint").Want(t, http.StatusOK)
	if got := page.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("the checkpoint is %q", got)
	}
	size, root := checkpointIn(t, page.Body, w.LogKey())
	if size != 600 {
		t.Fatalf("%d entries are signed", size)
	}
	tile := func(path string) []byte {
		t.Helper()
		page := dora.Get("/log/tile/"+path).Want(t, http.StatusOK)
		cached := page.Header.Get("Cache-Control")
		if full := !strings.Contains(path, ".p/"); page.Header.Get("Content-Type") != "application/octet-stream" || full != (cached == "private, max-age=31536000, immutable") || !full != (cached == "no-store") {
			t.Errorf("%s is %q, %q", path, page.Header.Get("Content-Type"), cached)
		}
		return []byte(page.Body)
	}
	var leaves [][]byte
	for i, n := range []string{"000", "001", "002.p/88"} {
		hashes, b := tile("0/"+n), tile("entries/"+n)
		for ; len(b) > 0; hashes = hashes[32:] {
			n := 2 + int(binary.BigEndian.Uint16(b))
			leaves, b = append(leaves, b[2:n]), b[n:]
			if !bytes.Equal(hashes[:32], sum([]byte{0}, leaves[len(leaves)-1])) {
				t.Fatalf("entry %d does not have the hash in its tile", len(leaves)-1)
			}
		}
		if want := min(256*(i+1), 600); len(leaves) != want || len(hashes) != 0 {
			t.Fatalf("%d entries and %d bytes of hashes more in tile %d", len(leaves), len(hashes), i)
		}
	}
	if !bytes.Equal(treeHash(leaves), root) {
		t.Error("the entries do not have the signed root")
	}
	if want := append(treeHash(leaves[:256]), treeHash(leaves[256:512])...); !bytes.Equal(tile("1/000.p/2"), want) {
		t.Error("the tile above is another one")
	}
	tile("0/002.p/3") // of an earlier size
	for _, path := range []string{"0/002", "0/002.p/89", "0/003.p/1", "entries/002.p/89", "1/000.p/3", "1/000", "2/000.p/1", "8/000", "0/0", "0/000.p/256", "0/000.p/0", "0/000.p/01",
		"00/000", "-1/000", "0/x000/000", "0/000/", "entries/../0/000", "data/000", "0/999/999", "0/x999/x999/x999/x999/x999/x999/999", "0/000.p/1/2", "%30/000.p/9x"} {
		dora.Get("/log/tile/"+path).Want(t, http.StatusNotFound)
	}
	for _, path := range []string{"/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/000"} {
		people["carol"].Get(path).Want(t, http.StatusOK) // an administrator
		people["alice"].Get(path).Want(t, http.StatusNotFound)
		if !toSignIn(w.Client().Get(path)) {
			t.Errorf("%s is open to everybody", path)
		}
	}
}
