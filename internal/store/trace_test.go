package store

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

// T31: what is done by another node is never followed here; it takes neither memory without bound nor the trace of the latest.
func TestTracesThatNobodyFollowsMakeRoom(t *testing.T) {
	t.Parallel()
	s := &Store{}
	from := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})
	for i := range 3 * maxFollowed {
		s.followed.note(fmt.Sprint(i), from)
	}
	if n := len(s.followed.of); n > maxFollowed {
		t.Errorf("%d are remembered", n)
	}
	s.followed.note("latest", from)
	if !trace.SpanContextFromContext(s.Follow(context.Background(), "latest")).Equal(from) {
		t.Error("the trace of the latest is not gone on with")
	}
}
