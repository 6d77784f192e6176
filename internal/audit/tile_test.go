package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestTilePaths(t *testing.T) { // C2SP tlog-tiles
	for path, want := range map[string]Tile{
		"tile/0/000":                     {Width: 256},
		"tile/0/x001/x234/067":           {N: 1234067, Width: 256},
		"tile/3/255.p/1":                 {Level: 3, N: 255, Width: 1},
		"tile/entries/x001/000.p/255":    {N: 1000, Width: 255, Entries: true},
		"tile/7/x001/x000/x000/000.p/17": {Level: 7, N: 1_000_000_000, Width: 17},
	} {
		got, err := ParseTile(path)
		if err != nil || got != want || got.Path() != path {
			t.Errorf("%s: %+v, %v, %s", path, got, err, want.Path())
		}
	}
	for _, path := range []string{"", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000/000", "tile/0/001/000", "tile/0/x001/00", "tile/8/000", "tile/-1/000", "tile/00/000",
		"tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p", "tile/entries/-01", "tile/0/+01", "tile/data/000", "x/0/000", "tile/0/000/", "tile/0/x001", "tile//000",
		"tile/0/" + strings.Repeat("x999/", 20) + "999", "tile/0/9223372036854775808"} {
		if got, err := ParseTile(path); err == nil {
			t.Errorf("%q is %+v", path, got)
		}
	}
}

func FuzzTile(f *testing.F) { // F12
	f.Add("tile/0/x001/x234/067")
	f.Add("tile/entries/000.p/1")
	f.Fuzz(func(t *testing.T, path string) {
		if tile, err := ParseTile(path); err == nil && tile.Path() != path {
			t.Fatalf("%q is read as %s", path, tile.Path())
		}
	})
}

// The specification's example: a tree of 70,000, and one of 256.
func TestTilesOfALog(t *testing.T) {
	count := func(size int64) map[string]int {
		out := map[string]int{}
		for tile := range Tiles(size) {
			if !tile.In(size) {
				t.Fatalf("%s is not in a log of %d", tile.Path(), size)
			}
			level := fmt.Sprint(tile.Level)
			if tile.Entries {
				level = "entries"
			}
			if !tile.Full() {
				level += fmt.Sprint(" of ", tile.Width)
			}
			out[level]++
		}
		return out
	}
	for size, want := range map[int64]string{
		0:       "map[]",
		1:       "map[0 of 1:1 entries of 1:1]",
		256:     "map[0:1 1 of 1:1 entries:1]",
		70_000:  "map[0:273 0 of 112:1 1:1 1 of 17:1 2 of 1:1 entries:273 entries of 112:1]",
		1 << 24: "map[0:65536 1:256 2:1 3 of 1:1 entries:65536]",
	} {
		if got := fmt.Sprint(count(size)); got != want {
			t.Errorf("%d: %s, want %s", size, got, want)
		}
	}
	for _, tile := range []Tile{{N: 273, Width: 113}, {N: 273, Width: 256}, {Level: 2, Width: 2}, {Level: 3, Width: 1}, {N: 274, Width: 1}} {
		if tile.In(70_000) {
			t.Errorf("%s is in a log of 70,000", tile.Path())
		}
	}
	if !(Tile{N: 3, Width: 7}).In(70_000) {
		t.Error("a partial tile of an earlier size is not in the log")
	}
}

// tiled lays a log out as files.
func tiled(t testing.TB, m *memLog) map[string][]byte {
	t.Helper()
	files := map[string][]byte{CheckpointPath: m.checkpoints[len(m.checkpoints)-1].Note}
	for tile := range Tiles(m.head.Size) {
		if tile.Entries {
			var leaves [][]byte
			for _, row := range m.rows[tile.First() : tile.First()+int64(tile.Width)] {
				leaves = append(leaves, row.Leaf)
			}
			files[tile.Path()] = AppendBundle(nil, leaves)
			continue
		}
		hashes, err := m.ReadHashes(tile.Indexes())
		if err != nil {
			t.Fatal(err)
		}
		files[tile.Path()] = AppendHashes(nil, hashes)
	}
	return files
}

func fetchFrom(files map[string][]byte) Fetch {
	return func(path string) ([]byte, error) {
		if b, ok := files[path]; ok {
			return bytes.Clone(b), nil
		}
		return nil, fs.ErrNotExist
	}
}

func keyOf(s *Signer) func(origin string) ([]string, error) {
	return func(string) ([]string, error) { return []string{s.VKey()}, nil }
}

func verifyTiles(t testing.TB, m *memLog, files map[string][]byte, remembered ...[]byte) Report {
	t.Helper()
	l, err := OpenTiles(fetchFrom(files), keyOf(m.signer))
	if err != nil {
		t.Fatal(err)
	}
	l.Remembered = remembered
	return verify(t, l)
}

func TestVerifyTiles(t *testing.T) { // T20
	for _, n := range []int{1, 255, 256, 257, 600} {
		m := filledLog(t, n)
		files := tiled(t, m)
		if r := verifyTiles(t, m, files, m.checkpoints[0].Note); !r.OK() || r.Size != int64(n) || r.Root != m.head.Root || r.Signed != int64(n) {
			t.Fatalf("%d entries: %+v", n, r)
		}
	}
	m := filledLog(t, 600)
	good := tiled(t, m)
	change := func(path string, change func([]byte) []byte) map[string][]byte {
		files := map[string][]byte{}
		for p, b := range good {
			files[p] = b
		}
		if files[path] == nil {
			t.Fatal("no " + path)
		}
		if b := change(bytes.Clone(files[path])); b == nil {
			delete(files, path)
		} else {
			files[path] = b
		}
		return files
	}
	gone := func([]byte) []byte { return nil }
	first := 2 + len(m.rows[256].Leaf)
	for name, c := range map[string]struct {
		files        map[string][]byte
		seq, through int64
	}{
		"a leaf":              {change("tile/entries/001", func(b []byte) []byte { b[first+20] ^= 1; return b }), 257, 257},
		"a length":            {change("tile/entries/001", func(b []byte) []byte { b[first+1]++; return b }), 257, 257},
		"a bundle cut":        {change("tile/entries/001", func(b []byte) []byte { return b[:len(b)-1] }), 511, 511},
		"bytes behind":        {change("tile/entries/001", func(b []byte) []byte { return append(b, 0) }), 511, 511},
		"an empty bundle":     {change("tile/entries/002.p/88", func([]byte) []byte { return []byte{} }), 512, 512},
		"a hash":              {change("tile/0/001", func(b []byte) []byte { b[40] ^= 1; return b }), 257, 257},
		"a tile cut":          {change("tile/0/001", func(b []byte) []byte { return b[:33] }), 257, 257},
		"no bundle":           {change("tile/entries/001", gone), 256, 599},
		"no tile":             {change("tile/0/002.p/88", gone), 512, 599},
		"two entries swapped": {change("tile/entries/000", func(b []byte) []byte { return swapFirst(b) }), 0, 0},
		"an older checkpoint": {change(CheckpointPath, func([]byte) []byte { return m.checkpoints[20].Note }), 168, 599},
	} {
		r := verifyTiles(t, m, c.files, m.checkpoints[len(m.checkpoints)-1].Note)
		if f, bad := r.First(); !bad || f.Seq != c.seq || f.Through != c.through {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	fault := errors.New("the disk")
	l, err := OpenTiles(func(path string) ([]byte, error) {
		if path == "tile/0/001" {
			return nil, fault
		}
		return good[path], nil
	}, keyOf(m.signer))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(l); !errors.Is(err, fault) {
		t.Errorf("a fault is told as %v", err)
	}
	if _, err := OpenTiles(fetchFrom(good), keyOf(testSigner(t))); err == nil {
		t.Error("another key's checkpoint is believed")
	}
}

func swapFirst(b []byte) []byte {
	l := splitBundle(b, TileWidth)
	l[0], l[1] = l[1], l[0]
	return AppendBundle(nil, l)
}

// A mirror that has grown since its checkpoint was fetched: the partial tile is gone, the full one begins with it.
func TestVerifyTilesThatHaveGrown(t *testing.T) {
	m := filledLog(t, 200)
	note := m.checkpoints[len(m.checkpoints)-1].Note
	for i := 200; i < 300; i++ {
		m.add(t, sample(i))
	}
	m.sign(t)
	files := tiled(t, m)
	files[CheckpointPath] = note
	if r := verifyTiles(t, m, files); !r.OK() || r.Size != 200 {
		t.Errorf("%+v", r)
	}
}

// Each hash of a tile is that of a full tile below it.
func TestTileHashes(t *testing.T) {
	m := filledLog(t, 600)
	files := tiled(t, m)
	for i := range 2 {
		var hashes []tlog.Hash
		below := files[fmt.Sprintf("tile/0/%03d", i)]
		for ; len(below) > 0; below = below[tlog.HashSize:] {
			hashes = append(hashes, tlog.Hash(below[:tlog.HashSize]))
		}
		for len(hashes) > 1 {
			for j := range len(hashes) / 2 {
				hashes[j] = tlog.NodeHash(hashes[2*j], hashes[2*j+1])
			}
			hashes = hashes[:len(hashes)/2]
		}
		if !bytes.Equal(hashes[0][:], files["tile/1/000.p/2"][i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			t.Errorf("hash %d of the tile above is another one", i)
		}
	}
}
