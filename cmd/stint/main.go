// Command stint is the whole product in one binary: the portal, its administration on the host, and the demo.
//
// main only gathers the process's edges and calls run. Each command lives in a file of its own: a kong struct with its
// flags, embedding config.Config where it needs the configuration, and a Run method that takes a context.Context and the
// *environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // the image is empty: no zones there

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // nor CA roots; the system's come first where there are any

	"stint/internal/config"
)

// commands is the command tree, in the order of the help.
type commands struct {
	Demo    demoCmd    `cmd:"" help:"Run the portal with a sample organisation, an OpenID provider and a directory of its own, all on this machine."`
	Serve   serveCmd   `cmd:"" help:"Run the portal."`
	Apply   applyCmd   `cmd:"" help:"Make who may be what as a file says."`
	Export  exportCmd  `cmd:"" help:"Print who may be what as a file for apply."`
	Admin   adminCmd   `cmd:"" help:"What only the host may do: a link for the first administrator, a voucher, accepting the clock."`
	Doctor  doctorCmd  `cmd:"" help:"Look at everything Stint rests on and say what to do. Changes nothing."`
	Backup  backupCmd  `cmd:"" help:"Copy the database while it is in use."`
	Restore restoreCmd `cmd:"" help:"Put a backup in the place of the database and open a new epoch."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date without serving."`
	Audit   auditCmd   `cmd:"" help:"Verify the audit log."`
	Config  configCmd  `cmd:"" help:"Print every field of the configuration, its default and its meaning."`
	Health  healthCmd  `cmd:"" help:"Ask the running Stint on this machine whether it is alive, for a container's health check."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// environment is what commands get of the process they run in.
type environment struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    config.LookupEnv
	now    func() time.Time
}

func main() {
	for _, warning := range config.Misspelt(os.Environ()) {
		fmt.Fprintln(os.Stderr, "stint: warning: "+warning)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stint: "+strings.ReplaceAll(err.Error(), "\n", "\nstint: "))
		os.Exit(exitCode(err))
	}
}

// run is Stint without its process. args are those after the program's name.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env config.LookupEnv) error {
	helped := false
	parser, err := kong.New(&commands{},
		kong.Name("stint"),
		kong.Description("Privileged access for a limited time: people activate roles with a passkey, really hold them, and really lose them again."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.PostBuild(shortHelp),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env, &environment{stdin, stdout, stderr, env, time.Now}),
	)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return err
	}
	return parsed.Run()
}

// shortHelp leaves the configuration's flags out of the help of commands that are not about configuration: they work
// everywhere, but `stint config` and `stint serve --help` list them. --config and --data stay.
func shortHelp(k *kong.Kong) error {
	for _, leaf := range k.Model.Leaves(false) {
		if leaf.Name == "config" || leaf.Name == "serve" {
			continue
		}
		for _, flag := range leaf.Flags {
			flag.Hidden = flag.Hidden || config.IsField(flag.Name) && flag.Name != "config" && flag.Name != "data"
		}
	}
	return nil
}

// exitCode is 2 for a command line or configuration that cannot be used, and 1 for everything else that went wrong.
func exitCode(err error) int {
	parse, field := (*kong.ParseError)(nil), (*config.FieldError)(nil)
	if errors.As(err, &parse) || errors.As(err, &field) {
		return 2
	}
	return 1
}
