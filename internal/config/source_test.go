package config_test

import (
	"slices"
	"testing"

	"stint/internal/config"
)

// A variable that looks like a field and is none is told: nothing reads it, and its default would count in silence.
func TestMisspeltVariables(t *testing.T) {
	got := config.Misspelt([]string{"STINT_PUBLIC_ULR=https://stint.example.org", "STINT_LISTEN=:1", "STINT_LISTN=:1", "STINT_Data=x", "STINT_RECHEK=1",
		"STINT_PORT=tcp://10.0.0.1:8080", "STINT_SERVICE_HOST=10.0.0.1", "STINT_TEST_ENGINE=postgres", "STINT_RUNS=3", "STINT_SESSION_IDEL=", "STING_LISTEN=x", "PATH=/bin"})
	want := []string{"STINT_PUBLIC_ULR is not read; did you mean STINT_PUBLIC_URL?", "STINT_LISTN is not read; did you mean STINT_LISTEN?",
		"STINT_Data is not read; did you mean STINT_DATA?"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
