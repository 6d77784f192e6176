package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

func TestEncodeIsExactlyTheseBytes(t *testing.T) {
	e := Entry{Seq: 3, At: time.Date(2026, 11, 22, 9, 0, 0, 1999, time.FixedZone("CET", 3600)), Type: "activation.requested", Actor: "p1", Subject: "p1",
		RoleID: "r", ResourceID: "s", TargetID: "t", ObjectID: "a", Correlation: "a", Result: ResultOK,
		Facts:       map[string]any{"b": true, "a": int64(-7), "s": "é\u2028\"\\\n\x01<", "l": []string{}, "m": map[string]string{"y": "2", "x": "1"}},
		Commitments: map[string]string{"reason": "YGRlZmluaXRlbHkgMzIgYnl0ZXMgbG9uZywgeWVzISE="}}
	want := `{"actor":"p1","at":1795334400000001,"commitments":{"reason":"YGRlZmluaXRlbHkgMzIgYnl0ZXMgbG9uZywgeWVzISE="},"correlation":"a",` +
		`"facts":{"a":-7,"b":true,"l":[],"m":{"x":"1","y":"2"},"s":"é` + "\u2028" + `\"\\\n\u0001<"},"object":"a","resource":"s","result":"ok","role":"r","seq":3,"subject":"p1","target":"t","type":"activation.requested","v":1}`
	got, err := Encode(e)
	if err != nil || string(got) != want {
		t.Fatalf("got  %s\nwant %s\nerr %v", got, want, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	deep := map[string]any{}
	for range 5 {
		deep = map[string]any{"in": deep}
	}
	for name, c := range map[string]struct {
		change func(*Entry)
		want   string
	}{
		"negative seq":     {func(e *Entry) { e.Seq = -1 }, "seq"},
		"seq beyond 2^53":  {func(e *Entry) { e.Seq = 1 << 53 }, "seq"},
		"no time":          {func(e *Entry) { e.At = time.Time{} }, "at must be set"},
		"no type":          {func(e *Entry) { e.Type = "" }, "type"},
		"type with spaces": {func(e *Entry) { e.Type = "role saved" }, "type"},
		"type too long":    {func(e *Entry) { e.Type = "a." + strings.Repeat("b", maxKey) }, "type"},
		"no actor":         {func(e *Entry) { e.Actor = "" }, "actor"},
		"other result":     {func(e *Entry) { e.Result = "maybe" }, "result"},
		"long id":          {func(e *Entry) { e.ObjectID = strings.Repeat("x", maxID+1) }, "object"},
		"id not UTF-8":     {func(e *Entry) { e.RoleID = "\xff" }, "role"},
		"float":            {func(e *Entry) { e.Facts = map[string]any{"f": 1.5} }, "facts.f is a float64"},
		"null":             {func(e *Entry) { e.Facts = map[string]any{"f": nil} }, "facts.f"},
		"fact not UTF-8":   {func(e *Entry) { e.Facts = map[string]any{"f": "\xc3"} }, "facts.f is not UTF-8"},
		"item not UTF-8":   {func(e *Entry) { e.Facts = map[string]any{"f": []string{"a", "\xc3"}} }, "facts.f[1]"},
		"big number":       {func(e *Entry) { e.Facts = map[string]any{"f": int64(1 << 53)} }, "facts.f"},
		"small number":     {func(e *Entry) { e.Facts = map[string]any{"f": -1 << 53} }, "facts.f"},
		"empty key":        {func(e *Entry) { e.Facts = map[string]any{"": "x"} }, "key"},
		"key with quote":   {func(e *Entry) { e.Facts = map[string]any{`a"b`: "x"} }, "key"},
		"key not ASCII":    {func(e *Entry) { e.Facts = map[string]any{"é": "x"} }, "key"},
		"too deep":         {func(e *Entry) { e.Facts = deep }, "nested deeper"},
		"too large":        {func(e *Entry) { e.Facts = map[string]any{"f": strings.Repeat("x", MaxLeaf)} }, "at most 16384"},
		"plain commitment": {func(e *Entry) { e.Commitments = map[string]string{"reason": "because"} }, "commitment"},
		"commitment name":  {func(e *Entry) { e.Commitments = map[string]string{"\n": Commit(make([]byte, 32), "", "")} }, "commitment"},
	} {
		t.Run(name, func(t *testing.T) {
			e := sample(1)
			c.change(&e)
			if b, err := Encode(e); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %s, error %v; want an error about %q", b, err, c.want)
			}
		})
	}
}

func TestEncodeAtTheLimit(t *testing.T) {
	e := sample(1)
	e.Facts = map[string]any{"f": ""}
	b, _ := Encode(e)
	e.Facts["f"] = strings.Repeat("x", MaxLeaf-len(b))
	b, err := Encode(e)
	if err != nil || len(b) != MaxLeaf {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	if _, err := Decode(b); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(append(b, ' ')); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Fatalf("decoded too many bytes: %v", err)
	}
}

func TestDecodeRefusesEverythingButTheOneSpelling(t *testing.T) {
	leaf := func() []byte { b, _ := Encode(sample(1)); return b }()
	if _, err := Decode(leaf); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"duplicate key":         {`"actor":"person-1"`, `"actor":"person-1","actor":"person-1"`},
		"duplicate, last wins":  {`"actor":"person-1"`, `"actor":"x","actor":"person-1"`},
		"duplicate fact":        {`"kind":"eligible"`, `"kind":"x","kind":"eligible"`},
		"other case":            {`"actor"`, `"Actor"`},
		"unknown field":         {`"v":1`, `"v":1,"w":1`},
		"space":                 {`"v":1`, `"v": 1`},
		"escape":                {`person-1"`, `person\u002d1"`},
		"other order":           {`"type":"assignment.made","v":1`, `"v":1,"type":"assignment.made"`},
		"trailing newline":      {`"v":1}`, `"v":1}` + "\n"},
		"trailing object":       {`"v":1}`, `"v":1}{}`},
		"float":                 {`"ends_at":1`, `"ends_at":1.0`},
		"exponent":              {`"ends_at":1`, `"ends_at":1e0`},
		"minus zero":            {`"ends_at":1`, `"ends_at":-0`},
		"null fact":             {`"ends_at":1`, `"ends_at":null`},
		"mixed list":            {`["a","b"]`, `["a",1]`},
		"empty optional field":  {`"role":"role-1"`, `"role":""`},
		"null field":            {`"role":"role-1"`, `"role":null`},
		"another version":       {`"v":1`, `"v":2`},
		"no version":            {`,"v":1`, ``},
		"not UTF-8":             {`person-1"`, "person-\xff\""},
		"raw control character": {`person-1"`, "person-\x01\""},
	} {
		t.Run(name, func(t *testing.T) {
			bad := bytes.Replace(leaf, []byte(c[0]), []byte(c[1]), 1)
			if bytes.Equal(bad, leaf) {
				t.Fatalf("%s does not hold %s", leaf, c[0])
			}
			if e, err := Decode(bad); err == nil {
				t.Fatalf("decoded %s as %+v", bad, e)
			}
		})
	}
}

var anyFact = rapid.Custom(func(t *rapid.T) any {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		return rapid.String().Draw(t, "s")
	case 1:
		return rapid.Int64Range(-maxInt, maxInt).Draw(t, "n")
	case 2:
		return rapid.Bool().Draw(t, "b")
	case 3:
		return rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "l")
	}
	m := map[string]any{}
	for _, k := range rapid.SliceOfN(rapid.StringMatching(`[ !#-\[\]-~]{1,8}`), 0, 3).Draw(t, "keys") {
		m[k] = rapid.String().Draw(t, "v")
	}
	return m
})

var anyEntry = rapid.Custom(func(t *rapid.T) Entry {
	e := Entry{
		Seq: rapid.Int64Range(0, maxInt).Draw(t, "seq"), At: time.UnixMicro(rapid.Int64Range(0, maxInt).Draw(t, "at")).UTC(),
		Type:  rapid.StringMatching(`[a-z][a-z_]{0,9}\.[a-z][a-z_]{0,9}`).Draw(t, "type"),
		Actor: rapid.StringN(1, 20, maxID).Draw(t, "actor"), Subject: rapid.StringN(0, 20, maxID).Draw(t, "subject"),
		RoleID: rapid.StringN(0, 9, maxID).Draw(t, "role"), ResourceID: rapid.StringN(0, 9, maxID).Draw(t, "resource"),
		TargetID: rapid.StringN(0, 9, maxID).Draw(t, "target"), ObjectID: rapid.StringN(0, 9, maxID).Draw(t, "object"),
		Correlation: rapid.StringN(0, 9, maxID).Draw(t, "correlation"), Result: rapid.SampledFrom([]string{ResultOK, ResultRefused}).Draw(t, "result"),
		Facts: rapid.MapOfN(rapid.StringMatching(`[a-zA-Z_.]{1,9}`), anyFact, 1, 4).Draw(t, "facts"),
	}
	if rapid.Bool().Draw(t, "committed") {
		e.Commitments = map[string]string{"reason": Commit(make([]byte, SaltSize), "reason", rapid.String().Draw(t, "reason"))}
	}
	return e
})

func TestEncodeDecodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry.Draw(t, "entry")
		leaf, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(leaf)
		if err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%s\ncame back as %+v: %v", leaf, back, err)
		}
		checkCanonical(t, leaf)
	})
}

// checkCanonical asks an independent implementation of RFC 8785.
func checkCanonical(t interface{ Fatalf(string, ...any) }, leaf []byte) {
	v := jsontext.Value(bytes.Clone(leaf))
	if err := v.Canonicalize(); err != nil || !bytes.Equal(v, leaf) {
		t.Fatalf("%s\nis not canonical, this is: %s (%v)", leaf, v, err)
	}
}

func FuzzDecode(f *testing.F) { // F12: audit leaf decode
	for i := range 3 {
		b, _ := Encode(sample(i))
		f.Add(b)
	}
	f.Add([]byte(`{"actor":"a","at":0,"result":"ok","seq":0,"type":"a.b","v":1}`))
	f.Add([]byte(`{"actor":"a","at":0,"facts":{"a":{"b":{"c":{"d":{}}}}},"result":"ok","seq":0,"type":"a.b","v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Encode(e)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q decodes and encodes to %q (%v)", b, again, err)
		}
		checkCanonical(t, b)
	})
}

func TestCommit(t *testing.T) {
	salt := bytes.Repeat([]byte{7}, SaltSize)
	sum := sha256.Sum256([]byte("\x00\x00\x00\x20" + string(salt) + "\x00\x00\x00\x06reason\x00\x00\x00\x03why"))
	if got, want := Commit(salt, "reason", "why"), base64.StdEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if Commit(salt, "reaso", "nwhy") == Commit(salt, "reason", "why") {
		t.Error("field and value run into each other")
	}
	defer func() {
		if recover() == nil {
			t.Error("a short salt was taken")
		}
	}()
	Commit(salt[1:], "reason", "why")
}
