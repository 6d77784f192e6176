package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// TileWidth is how many hashes a full tile has, and how many entries a full bundle.
	TileWidth = 256
	// CheckpointPath is where the last checkpoint is, below a log's prefix.
	CheckpointPath = "checkpoint"

	maxTileLevel = 7 // a subtree of 256^8 entries is more than any log has
	maxTilePath  = 64
)

// Tile names a part of a log as C2SP tlog-tiles lays it out: 256 consecutive hashes of one level, or the entries below
// a tile of level 0. The layout of golang.org/x/mod/sumdb/tlog is another one.
type Tile struct {
	Level   int   // 0 to 7: each hash is that of 256^Level entries
	N       int64 // place within the level
	Width   int   // 1 to 256; less is a partial tile
	Entries bool  // the entries instead of their hashes; Level is 0
}

// Path is where the tile is, below the log's prefix: "tile/0/x001/234.p/5".
func (t Tile) Path() string {
	level := strconv.Itoa(t.Level)
	if t.Entries {
		level = "entries"
	}
	n := fmt.Sprintf("%03d", t.N%1000)
	for rest := t.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	path := "tile/" + level + "/" + n
	if t.Width != TileWidth {
		path += ".p/" + strconv.Itoa(t.Width)
	}
	return path
}

// ParseTile reads what Path wrote; every other spelling is refused.
func ParseTile(path string) (Tile, error) {
	bad := fmt.Errorf("no tile is at %.100q", path)
	t := Tile{Width: TileWidth}
	parts := strings.SplitN(path, "/", 3)
	if len(parts) != 3 || len(path) > maxTilePath {
		return Tile{}, bad
	}
	var errs [3]error
	if t.Entries = parts[1] == "entries"; !t.Entries {
		t.Level, errs[0] = strconv.Atoi(parts[1])
	}
	n, width, partial := strings.Cut(parts[2], ".p/")
	if partial {
		t.Width, errs[1] = strconv.Atoi(width)
	}
	t.N, errs[2] = strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(n), 10, 64)
	if errors.Join(errs[:]...) != nil || t.Level < 0 || t.Level > maxTileLevel || t.Width < 1 || t.Width > TileWidth || t.N < 0 || t.Path() != path {
		return Tile{}, bad
	}
	return t, nil
}

// In reports whether a log of so many entries has the tile.
func (t Tile) In(size int64) bool {
	n := size >> (8 * t.Level)
	return t.N < n/TileWidth || t.N == n/TileWidth && int64(t.Width) <= n%TileWidth
}

// Full reports whether it never changes any more.
func (t Tile) Full() bool { return t.Width == TileWidth }

// First is the place of its first hash within the level; of a tile of entries, their first seq.
func (t Tile) First() int64 { return t.N * TileWidth }

// Indexes are where its hashes are stored, in tlog's order.
func (t Tile) Indexes() []int64 {
	out := make([]int64, t.Width)
	for i := range out {
		out[i] = tlog.StoredHashIndex(8*t.Level, t.First()+int64(i))
	}
	return out
}

// Tiles yields every tile of a log of so many entries, full and partial, entries included.
func Tiles(size int64) iter.Seq[Tile] {
	return func(yield func(Tile) bool) {
		for level := range maxTileLevel + 1 {
			for _, entries := range []bool{true, false} {
				if n := size >> (8 * level); n == 0 || (!entries || level == 0) && !tilesOf(level, n, entries, yield) {
					return
				}
			}
		}
	}
}

func tilesOf(level int, n int64, entries bool, yield func(Tile) bool) bool {
	for at := int64(0); at*TileWidth < n; at++ {
		if !yield(Tile{Level: level, N: at, Width: int(min(TileWidth, n-at*TileWidth)), Entries: entries}) {
			return false
		}
	}
	return true
}

// AppendHashes writes a tile of hashes.
func AppendHashes(b []byte, hashes []tlog.Hash) []byte {
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// AppendBundle writes a tile of entries: each leaf after its length in two bytes.
func AppendBundle(b []byte, leaves [][]byte) []byte {
	for _, leaf := range leaves {
		b = binary.BigEndian.AppendUint16(b, uint16(len(leaf))) // #nosec G115 -- at most MaxLeaf
		b = append(b, leaf...)
	}
	return b
}

// splitBundle reads the leaves of a tile of entries; one that is not there is nil, and what is too much belongs to the last.
func splitBundle(b []byte, width int) [][]byte {
	leaves := make([][]byte, width)
	for i := range leaves {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return leaves
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		leaves[i], b = b[2:n], b[n:]
	}
	if len(b) > 0 {
		leaves[width-1] = append(leaves[width-1][:len(leaves[width-1]):len(leaves[width-1])], b...)
	}
	return leaves
}

// Fetch returns what is at a path below a log's prefix; fs.ErrNotExist where there is nothing.
type Fetch func(path string) ([]byte, error)

// OpenTiles is a log in tiles, up to their checkpoint, for Verify. Its origin is the checkpoint's; keys answers which
// verifier keys a log of that origin has, before its signature is believed.
func OpenTiles(fetch Fetch, keys func(origin string) ([]string, error)) (Log, error) {
	signed, err := fetch(CheckpointPath)
	if err != nil {
		return Log{}, fmt.Errorf("the checkpoint of the tiles: %w", err)
	}
	claimed, err := ReadCheckpoint(signed)
	if err != nil {
		return Log{}, err
	}
	vkeys, err := keys(claimed.Origin)
	if err != nil {
		return Log{}, err
	}
	c, err := ParseCheckpoint(signed, vkeys...)
	if err != nil {
		return Log{}, err
	}
	checkpoints := func(yield func(StoredCheckpoint, error) bool) { yield(StoredCheckpoint{c.Size, signed}, nil) }
	return Log{Origin: c.Origin, VKeys: vkeys, Entries: tileEntries(fetch, c.Size), Checkpoints: checkpoints, Size: c.Size, Bare: true}, nil
}

// tileEntries ends where a tile is missing: what the checkpoint says is more.
func tileEntries(fetch Fetch, size int64) iter.Seq2[StoredEntry, error] {
	return func(yield func(StoredEntry, error) bool) {
		for t := range Tiles(size) {
			if !t.Entries {
				return
			}
			leaves, hashes, err := fetchBundle(fetch, t)
			if err != nil {
				if !errors.Is(err, fs.ErrNotExist) {
					yield(StoredEntry{}, err)
				}
				return
			}
			for i := range leaves {
				if !yield(StoredEntry{Leaf: leaves[i], Hashes: hashes[i : i+1]}, nil) {
					return
				}
			}
		}
	}
}

func fetchBundle(fetch Fetch, t Tile) ([][]byte, []tlog.Hash, error) {
	bundle, err := fetchTile(fetch, t)
	if err != nil {
		return nil, nil, err
	}
	t.Entries = false
	tile, err := fetchTile(fetch, t)
	if err != nil {
		return nil, nil, err
	}
	hashes := make([]tlog.Hash, t.Width)
	for i := range hashes {
		if rest := tile[min(i*tlog.HashSize, len(tile)):]; len(rest) >= tlog.HashSize {
			hashes[i] = tlog.Hash(rest[:tlog.HashSize])
		}
	}
	return splitBundle(bundle, t.Width), hashes, nil
}

// fetchTile takes the beginning of the full tile where the partial one is gone.
func fetchTile(fetch Fetch, t Tile) ([]byte, error) {
	b, err := fetch(t.Path())
	if t.Full() || !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	width := t.Width
	t.Width = TileWidth
	if b, err = fetch(t.Path()); err != nil || !t.Entries {
		return b, err
	}
	return AppendBundle(nil, splitBundle(b, TileWidth)[:width]), nil
}
