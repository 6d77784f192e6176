package broker

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"stint/internal/audit"
	"stint/internal/pim"
	"stint/internal/store"
)

// auditHead is the first line of a CSV file.
var auditHead = []string{"entry", "time", "event", "result", "actor", "actor_id", "person", "person_id", "role", "role_id", "resource", "resource_id",
	"target", "target_id", "object_id", "activation_id", "reason", "texts", "leaf"}

// Write writes the whole export, newest first, and says when and how it ended. Pieces are read while the last one is being
// written; no more than three are held. An entry that cannot be decoded ends it: the log has been tampered with.
func (x *AuditExport) Write(ctx context.Context, to io.Writer) (err error) {
	complete := false
	defer func() {
		if ended := x.end(ctx, complete); err == nil {
			err = ended
		}
	}()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := newLineWriter(x, to)
	if err := out.begin(); err != nil {
		return err
	}
	for p := range x.pieces(ctx) {
		if p.err != nil {
			return p.err
		}
		if err := out.write(ctx, p.lines); err != nil {
			return err
		}
		if n := len(p.lines); n > 0 {
			x.row.Entries, x.row.BackSeq = x.row.Entries+int64(n), p.lines[n-1].Seq
		}
		if err := x.tell(ctx); err != nil {
			return err
		}
	}
	complete = ctx.Err() == nil
	return ctx.Err()
}

type auditPieceRead struct {
	lines []store.Line
	err   error
}

// pieces reads ahead by one.
func (x *AuditExport) pieces(ctx context.Context) <-chan auditPieceRead {
	out := make(chan auditPieceRead, 1)
	go func() {
		defer close(out)
		for before := int64(0); ; {
			lines, next, err := x.read(ctx, before)
			select {
			case out <- auditPieceRead{lines, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || next == 0 {
				return
			}
			before = next
		}
	}()
	return out
}

// lineWriter turns entries into lines, with the names that their ids have now.
type lineWriter struct {
	x       *AuditExport
	to      io.Writer
	csv     *csv.Writer
	buf     []byte
	targets map[string]string
	people  map[string]string
	roles   map[string]string
	places  map[string]string
}

// maxKnownNames bounds the names that a long export remembers.
const maxKnownNames = 20_000

func newLineWriter(x *AuditExport, to io.Writer) *lineWriter {
	w := &lineWriter{x: x, to: to, csv: csv.NewWriter(to)}
	w.forget()
	return w
}

func (w *lineWriter) forget() {
	w.people, w.roles, w.places = map[string]string{"": "", pim.System: "Stint"}, map[string]string{"": ""}, map[string]string{"": ""}
}

func (w *lineWriter) begin() error {
	if w.x.row.Format != AuditCSV {
		return nil
	}
	return w.csv.Write(auditHead)
}

func (w *lineWriter) write(ctx context.Context, lines []store.Line) error {
	entries := make([]audit.Entry, len(lines))
	for i, l := range lines {
		var err error
		if entries[i], err = audit.DecodeText(l.Leaf); err != nil {
			return fmt.Errorf("audit entry %d: %w; run stint audit verify", l.Seq, err)
		}
	}
	if err := w.learn(ctx, entries); err != nil {
		return err
	}
	w.buf = w.buf[:0]
	for i, e := range entries {
		if w.x.row.Format == AuditCSV {
			if err := w.csv.Write(w.record(e, lines[i])); err != nil {
				return err
			}
		} else {
			w.buf = w.object(w.buf, e, lines[i])
		}
	}
	if w.x.row.Format == AuditCSV {
		w.csv.Flush()
		return w.csv.Error()
	}
	_, err := w.to.Write(w.buf)
	return err
}

// learn reads the names of ids that are new.
func (w *lineWriter) learn(ctx context.Context, entries []audit.Entry) error {
	if len(w.people)+len(w.places) > maxKnownNames {
		w.forget()
	}
	var people, roles, places []string
	missing := func(known map[string]string, list *[]string, id string) {
		if _, ok := known[id]; !ok {
			known[id] = ""
			*list = append(*list, id)
		}
	}
	for _, e := range entries {
		missing(w.people, &people, e.Actor)
		missing(w.people, &people, e.Subject)
		missing(w.roles, &roles, e.RoleID)
		missing(w.places, &places, e.ResourceID)
	}
	if len(people)+len(roles)+len(places) == 0 && w.targets != nil {
		return nil
	}
	_, err := store.Read(ctx, w.x.b.store, func(r *store.Reader) (struct{}, error) { return struct{}{}, w.read(r, people, roles, places) })
	return err
}

func (w *lineWriter) read(r *store.Reader, people, roles, places []string) error {
	if w.targets == nil {
		targets, err := r.Targets()
		if err != nil {
			return err
		}
		w.targets = map[string]string{}
		for _, t := range targets {
			w.targets[t.ID] = t.Name
		}
	}
	names, err := r.Names(people)
	if err != nil {
		return err
	}
	maps.Copy(w.people, names)
	if names, err = r.RoleNames(roles); err != nil {
		return err
	}
	maps.Copy(w.roles, names)
	paths, err := r.Paths(places)
	for id, path := range paths {
		w.places[id] = strings.Join(path.Names(), " / ")
	}
	return err
}

// record is a line of CSV; what could be a formula is none (THREATS T25).
func (w *lineWriter) record(e audit.Entry, l store.Line) []string {
	reason, texts := "", map[string]string{}
	for _, t := range l.Texts {
		if t.Field == "justification" || t.Field == "reason" {
			reason = t.Value
		} else {
			texts[t.Field] = t.Value
		}
	}
	others := ""
	if len(texts) > 0 {
		text, err := json.Marshal(texts)
		if err != nil {
			panic("broker: texts are always JSON: " + err.Error())
		}
		others = string(text)
	}
	record := []string{strconv.FormatInt(e.Seq, 10), e.At.UTC().Format(time.RFC3339Nano), e.Type, e.Result, w.people[e.Actor], e.Actor, w.people[e.Subject], e.Subject,
		w.roles[e.RoleID], e.RoleID, w.places[e.ResourceID], e.ResourceID, w.targets[e.TargetID], e.TargetID, e.ObjectID, e.Correlation, reason, others, l.Leaf}
	for i, cell := range record {
		record[i] = pim.SpreadsheetCell(cell)
	}
	return record
}

// object is a line of JSON. The leaf stands in it as it is hashed, byte for byte.
func (w *lineWriter) object(b []byte, e audit.Entry, l store.Line) []byte {
	b = strconv.AppendInt(append(b, `{"entry":`...), e.Seq, 10)
	b = e.At.UTC().AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
	b = append(b, '"')
	for _, f := range [][2]string{{"event", e.Type}, {"result", e.Result}, {"actor", w.people[e.Actor]}, {"actor_id", e.Actor}, {"person", w.people[e.Subject]}, {"person_id", e.Subject},
		{"role", w.roles[e.RoleID]}, {"role_id", e.RoleID}, {"resource", w.places[e.ResourceID]}, {"resource_id", e.ResourceID}, {"target", w.targets[e.TargetID]},
		{"target_id", e.TargetID}, {"object_id", e.ObjectID}, {"activation_id", e.Correlation}} {
		if f[1] != "" {
			b = appendMember(append(b, ','), f[0], f[1])
		}
	}
	if len(l.Texts) > 0 {
		b = append(b, `,"texts":{`...)
		for i, t := range l.Texts {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendMember(b, t.Field, t.Value)
		}
		b = append(b, '}')
	}
	b = append(append(b, `,"leaf":`...), l.Leaf...)
	return append(b, "}\n"...)
}

func appendMember(b []byte, name, value string) []byte {
	return appendJSON(append(appendJSON(b, name), ':'), value)
}

// appendJSON writes a text as JSON; most have nothing to escape.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			text, err := json.Marshal(s)
			if err != nil {
				panic("broker: a text is always JSON: " + err.Error())
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
