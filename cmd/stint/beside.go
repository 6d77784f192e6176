package main

import (
	"context"
	"fmt"
	"strings"

	"stint/internal/broker"
	"stint/internal/store"
)

// besideLine says what is held at one target that Stint did not give, since a restore asked for it.
type besideLine struct {
	looked bool
	held   int
	words  string
}

// besideNamed is how many are named in one line; the target's page lists them all.
const besideNamed = 20

func besideLines(ctx context.Context, s *store.Store) ([]besideLine, error) {
	return store.Read(ctx, s, func(r *store.Reader) (lines []besideLine, err error) {
		targets, err := r.Targets()
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			found, err := broker.BesideAt(r, t.ID)
			if err != nil {
				return nil, err
			}
			if found == nil {
				continue
			}
			line, err := besideWords(r, t.Name, *found)
			if err != nil {
				return nil, err
			}
			lines = append(lines, line)
		}
		return lines, nil
	})
}

func besideWords(r *store.Reader, target string, found broker.Beside) (besideLine, error) {
	line := besideLine{looked: !found.At.IsZero(), held: len(found.Held) + found.More}
	if !line.looked {
		line.words = target + " was not asked yet since the restore who holds what beside Stint. It is asked while Stint runs."
		return line, nil
	}
	at := found.At.UTC().Format("2006-01-02 15:04 UTC")
	if line.held == 0 {
		line.words = fmt.Sprintf("At %s nothing is held beside Stint (looked at %s).", target, at)
		return line, nil
	}
	var named []string
	for _, h := range found.Held {
		account, entitlement, err := broker.NamesAt(r, h)
		if err != nil {
			return line, err
		}
		if named = append(named, account+" in "+entitlement); len(named) == besideNamed {
			break
		}
	}
	if more := line.held - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	line.words = fmt.Sprintf("Held beside Stint at %s (looked at %s): %s. Stint has no record of giving this and leaves it; take away at the target what should not be.", target, at, strings.Join(named, "; "))
	return line, nil
}
