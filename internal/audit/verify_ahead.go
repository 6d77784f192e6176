package audit

import (
	"iter"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	rowsAtOnce = 100       // rows of one piece of work,
	textAtOnce = 256 << 10 // or fewer with so many bytes: a line of a hostile export may be long
	rowsAhead  = 8         // pieces that are being looked at
	notesAhead = 32        // checkpoints whose signatures are being looked at
)

// crew does what can be told of rows without their neighbours, beside whoever reads them. Entries, Checkpoints and Replay
// of a Log are called by Verify's own goroutine alone: they may share one snapshot.
type crew chan func()

func newCrew() (hands crew, dismiss func()) {
	hands = make(crew, rowsAhead)
	var working sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		working.Go(func() {
			for work := range hands {
				work()
			}
		})
	}
	return hands, func() { close(hands); working.Wait() }
}

// promise is what one of the crew will have made.
type promise[T any] struct {
	made T
	done chan struct{}
}

func promised[T any](hands crew, work func() T) *promise[T] {
	p := &promise[T]{done: make(chan struct{})}
	hands <- func() { defer close(p.done); p.made = work() }
	return p
}

func (p *promise[T]) wait() T {
	<-p.done
	return p.made
}

// inspected is a row and what can be told of it alone.
type inspected struct {
	StoredEntry
	hash   tlog.Hash // of the leaf
	read   Entry     // what the leaf says
	what   string    // that is wrong with the leaf or beside it
	erased []string  // fields whose text is gone
}

func inspect(rows []StoredEntry, bare bool) []inspected {
	out := make([]inspected, len(rows))
	for i, row := range rows {
		r := inspected{StoredEntry: row, hash: tlog.RecordHash(row.Leaf)}
		if r.read, r.what = read(row, bare); r.what == "" && !bare {
			r.erased = erased(r.read, row.Texts)
		}
		out[i] = r
	}
	return out
}

// inspectAhead yields every row in its order. Rows are read by whoever asks, some pieces ahead of the one that is yielded.
func inspectAhead(hands crew, rows iter.Seq2[StoredEntry, error], bare bool) iter.Seq2[inspected, error] {
	return func(yield func(inspected, error) bool) {
		var ahead []*promise[[]inspected]
		piece := make([]StoredEntry, 0, rowsAtOnce)
		send := func() {
			some := piece
			ahead, piece = append(ahead, promised(hands, func() []inspected { return inspect(some, bare) })), make([]StoredEntry, 0, rowsAtOnce)
		}
		give := func(left int) bool {
			for ; len(ahead) > left; ahead = ahead[1:] {
				for _, row := range ahead[0].wait() {
					if !yield(row, nil) {
						return false
					}
				}
			}
			return true
		}
		var failed error
		text := 0
		for row, err := range rows {
			if failed = err; failed != nil {
				break
			}
			piece, text = append(piece, row), text+len(row.Leaf)
			if len(piece) < rowsAtOnce && text < textAtOnce {
				continue
			}
			text = 0
			if send(); !give(rowsAhead) {
				return
			}
		}
		if send(); give(0) && failed != nil {
			yield(inspected{}, failed)
		}
	}
}

// signedAhead is the kept checkpoints in their order, their signatures looked at some ahead.
type signedAhead struct {
	crew  crew
	next  func() (StoredCheckpoint, error, bool)
	keys  func(signed []byte) (Checkpoint, error)
	ahead []*promise[signed]
	err   error // that ended the reading
	over  bool
}

type signed struct {
	StoredCheckpoint
	says Checkpoint // once its signature is good
	err  error
}

// take returns the next one; ok is false at the end.
func (s *signedAhead) take() (c signed, ok bool, err error) {
	for !s.over && len(s.ahead) < notesAhead {
		row, err, more := s.next()
		if s.err, s.over = err, err != nil || !more; s.over {
			break
		}
		s.ahead = append(s.ahead, promised(s.crew, func() signed {
			c, err := s.keys(row.Note)
			return signed{row, c, err}
		}))
	}
	if len(s.ahead) == 0 {
		return signed{}, false, s.err
	}
	c, s.ahead = s.ahead[0].wait(), s.ahead[1:]
	return c, true, nil
}
