package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestDatabasesAreApart(t *testing.T) {
	s := Start(t)
	first, second := s.Database(t), s.Database(t)
	run(t, first, "CREATE TABLE things (name TEXT)")
	run(t, second, "CREATE TABLE things (name TEXT)")
	if Start(t) != s {
		t.Error("a second Start gave another server")
	}
}

func TestCopyTakesTheContents(t *testing.T) {
	s := Start(t)
	dsn := s.Database(t)
	run(t, dsn, "CREATE TABLE things (name TEXT)")
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s.Copy(t, cfg.Database), "SELECT name FROM things")
}

func TestOwnServerKeepsWhatWasCommittedOverACrash(t *testing.T) {
	s := StartOwn(t, Options{})
	if got := s.Strings(t, "SHOW fsync"); got[0] != "on" {
		t.Fatalf("fsync is %q", got)
	}
	s.Exec(t, "CREATE ROLE survivor")
	s.Crash(t)
	s.Run(t)
	s.Restart(t)
	if got := s.Strings(t, "SELECT rolname FROM pg_roles WHERE rolname = $1", "survivor"); len(got) != 1 {
		t.Errorf("after the crash there are %q", got)
	}
}

func TestPasswordIsAskedFor(t *testing.T) {
	s := Start(t)
	c, err := pgx.Connect(t.Context(), s.DSNOf(Superuser, "wrong", "postgres"))
	if err == nil {
		_ = c.Close(t.Context())
		t.Error("a wrong password was taken")
	}
}

// The test runs itself as the process that is killed.
func TestServerEndsWithTheTestProcess(t *testing.T) {
	const role = "STINT_TEST_IS_KILLED"
	if os.Getenv(role) == "1" {
		s := Start(t)
		fmt.Printf("%s\n%s\n", s.Addr(), s.dir)
		<-t.Context().Done()
		return
	}
	find(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithTheTestProcess$")
	cmd.Env = append(os.Environ(), role+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	addr := lines.Text()
	lines.Scan()
	dir := lines.Text()
	if c, err := net.Dial("tcp", addr); err != nil {
		t.Errorf("the server does not listen: %v", err)
	} else {
		_ = c.Close()
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, "the directory is removed", func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist)
	})
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the server still listens")
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("not seen: %s", what)
		}
	}
}

func run(t *testing.T, dsn, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
