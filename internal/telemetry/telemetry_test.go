package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	stinttest "stint/internal/stinttest/harness"
	"stint/internal/telemetry"
)

// receiver is a collector: it keeps what is sent to it.
type receiver struct {
	mu    sync.Mutex
	spans []*traces.Span
	raw   bytes.Buffer
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body := io.Reader(q.Body)
	if q.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(q.Body)
	}
	text, err := io.ReadAll(body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &sent)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.raw.Write(text)
	for _, resource := range sent.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
}

// trace returns the names of the spans that belong together with one of a name, each once.
func (r *receiver) trace(name string) (names []string) {
	for _, first := range r.spans {
		if first.Name != name {
			continue
		}
		for _, s := range r.spans {
			if bytes.Equal(s.TraceId, first.TraceId) && !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

const reason = "Mend the ledger of Northwind"

// One activation is one trace: from the answer over the transaction to the calls of the target. What goes out names
// nobody and holds no reason; every figure that the dashboard and the alerts ask for is there. One test: a process has
// one telemetry.
func TestWhatGoesOut(t *testing.T) {
	sent := &receiver{}
	server := httptest.NewServer(sent)
	defer server.Close()
	out, err := telemetry.Start(t.Context(), telemetry.Config{Metrics: true, TracesTo: server.URL + "/v1/traces", Version: "1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := stinttest.New(t)
	if err := telemetry.Watch(w.Broker, w.Clock.Now); err != nil {
		t.Fatal(err)
	}
	w.Role("dba", stinttest.Rules{})
	alice := w.Person("alice").Ready()
	page := alice.Ask(w.Eligible("alice", "dba", time.Time{}), "duration", "30", "justification", reason).Want(t, http.StatusSeeOther)
	alice.Confirm(page.Location()).Want(t, http.StatusSeeOther)
	w.Tick()
	alice.Get("/no-such-page/"+strings.Repeat("x", 40)).Want(t, http.StatusNotFound)

	text := scrape(t, out)
	for _, want := range []string{"stint_activations_active 1\n", "stint_database_up 1\n", "stint_granting_paused 0\n", `http_route="unmatched"`, `call="grant"`, "go_goroutines"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not among the metrics", want)
		}
	}
	asked(t, text)

	if err := out.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	sent.mu.Lock()
	defer sent.mu.Unlock()
	got := sent.trace("connector grant")
	for _, want := range []string{"POST /step-up/:id", "connector observe", "transaction"} {
		if !slices.Contains(got, want) {
			t.Errorf("the trace of the grant has %v, without %q", got, want)
		}
	}
	for _, what := range []string{reason, "alice", "Alice", "dba", "xxxx"} {
		if strings.Contains(text, what) || bytes.Contains(sent.raw.Bytes(), []byte(what)) {
			t.Errorf("%q went out", what)
		}
	}
}

func scrape(t *testing.T, out *telemetry.Telemetry) string {
	t.Helper()
	answer := httptest.NewRecorder()
	out.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// asked holds what the samples for operators ask for against what there is.
func asked(t *testing.T, text string) {
	t.Helper()
	names := regexp.MustCompile(`\b(?:stint|http_server|process|go)_[a-z_]+[a-z]\b`)
	seen := 0
	for _, file := range []string{"alerts.yaml", "grafana.json"} {
		sample, err := os.ReadFile(filepath.Join("..", "..", "docs", "samples", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names.FindAllString(string(sample), -1) {
			if seen++; !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+" ") {
				t.Errorf("%s asks for %s, which is not among the metrics", file, name)
			}
		}
	}
	if seen < 20 {
		t.Errorf("the samples ask for %d figures", seen)
	}
}
