package demo

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/google/uuid"
)

// A tree is the whole directory at one moment, parents before children. It is never changed: with returns a new one.
type tree struct {
	Entries []*entry `json:"entries"`

	byName map[string]*entry
}

// treeFile is what is on disk; a file of another version is refused rather than guessed at.
type treeFile struct {
	Version int `json:"version"`
	tree
}

const treeVersion = 1

func newTree(entries []*entry) (*tree, error) {
	t := &tree{Entries: entries, byName: make(map[string]*entry, len(entries))}
	for i, e := range entries {
		name, err := parseDN(e.DN)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", e.DN, err)
		}
		if t.byName[name.key()] != nil {
			return nil, fmt.Errorf("entry %q is there twice", e.DN)
		}
		e.name, e.position = name, i
		t.byName[name.key()] = e
	}
	return t, nil
}

// find returns the entry of this DN, or nil.
func (t *tree) find(name distinguishedName) *entry { return t.byName[name.key()] }

// with returns a tree in which the entry replaces the one of the same name.
func (t *tree) with(changed *entry) *tree {
	next := &tree{Entries: slices.Clone(t.Entries), byName: make(map[string]*entry, len(t.Entries))}
	for i, e := range next.Entries {
		if e.name.key() == changed.name.key() {
			next.Entries[i], e = changed, changed
		}
		next.byName[e.name.key()] = e
	}
	return next
}

// loadTree reads the file and adds what the seed has and the file has not: an entry once written belongs to the file,
// its entryUUID and members included, so that a restart changes neither.
func loadTree(file string, seed []Entry) (*tree, error) {
	var saved treeFile
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("directory file: %w", err)
	default:
		if err := json.Unmarshal(text, &saved); err != nil {
			return nil, fmt.Errorf("directory file %s is damaged (%w): remove it to begin anew", file, err)
		}
		if saved.Version != treeVersion {
			return nil, fmt.Errorf("directory file %s has version %d, this program reads %d: remove it to begin anew", file, saved.Version, treeVersion)
		}
	}
	t, err := newTree(saved.Entries)
	if err != nil {
		return nil, fmt.Errorf("directory file %s: %w", file, err)
	}
	return t.seeded(seed)
}

func (t *tree) seeded(seed []Entry) (*tree, error) {
	entries := slices.Clone(t.Entries)
	for _, s := range seed {
		name, err := parseDN(s.DN)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", s.DN, err)
		}
		if t.find(name) != nil {
			continue
		}
		id, err := uuid.NewRandomFromReader(rand.Reader)
		if err != nil {
			return nil, err
		}
		e := &entry{DN: s.DN, ID: id.String()}
		for _, a := range s.Attributes {
			e.Attrs = append(e.Attrs, attribute{a.Name, slices.Clone(a.Values)})
		}
		entries = append(entries, e)
	}
	return newTree(entries)
}

// save makes the tree durable: after it returns nil, a power cut keeps it.
func (t *tree) save(file string) error {
	body, err := json.MarshalIndent(treeFile{treeVersion, *t}, "", " ")
	if err != nil {
		return err
	}
	return writeDurably(file, append(body, '\n'))
}
