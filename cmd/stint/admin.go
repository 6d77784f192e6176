package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"stint/internal/broker"
	"stint/internal/config"
	"stint/internal/control"
	"stint/internal/pim"
	"stint/internal/store"
)

type adminCmd struct {
	Link        adminLinkCmd    `cmd:"" help:"Make a one-time link that makes whoever opens it, after signing in, an administrator. Good for 15 minutes; a new one kills the old."`
	Voucher     adminVoucherCmd `cmd:"" help:"Make a one-time voucher with which a person may enrol their first passkey. Good for 15 minutes."`
	ClockAccept adminClockCmd   `cmd:"" help:"Believe the clock of this server after it jumped forward."`
}

// Names of the operations on the control socket.
const (
	opAdminLink    = "admin.link"
	opAdminVoucher = "admin.voucher"
	opClockAccept  = "admin.clock_accept"
)

// voucherRequest is what opAdminVoucher takes.
type voucherRequest struct {
	Person string `json:"person"`
	Lost   bool   `json:"lost"`
}

// hostHandlers are the host's own powers, for whoever may open the socket.
func hostHandlers(b *broker.Broker) control.Handlers {
	handlers := control.Handlers{
		opApply:     applyHandler(b),
		opAdminLink: func(ctx context.Context, _ json.RawMessage) (any, error) { return b.AdminLink(ctx) },
		opAdminVoucher: func(ctx context.Context, in json.RawMessage) (any, error) {
			var asked voucherRequest
			if err := json.Unmarshal(in, &asked); err != nil {
				return nil, err
			}
			return b.IssueVoucher(ctx, asked.Person, asked.Lost)
		},
		opClockAccept: func(ctx context.Context, _ json.RawMessage) (any, error) { return nil, b.AcceptClock(ctx) },
	}
	for op, handle := range handlers {
		handlers[op] = func(ctx context.Context, in json.RawMessage) (any, error) {
			out, err := handle(ctx, in)
			if refusal := (*pim.Refusal)(nil); errors.As(err, &refusal) {
				err = errors.New(refusal.Message) // without the kind, which is for programs
			}
			return out, err
		}
	}
	return handlers
}

// onHost runs an operation in the running process, or here when no process holds the database.
func onHost(ctx context.Context, cfg *config.Config, e *environment, op string, in any) (json.RawMessage, error) {
	out, err := control.Call(ctx, socket(cfg), op, in)
	if !errors.Is(err, control.ErrNotRunning) {
		return out, err
	}
	n, err := openNode(ctx, cfg, e, modeOf(ctx, cfg, e))
	if err != nil {
		return nil, err
	}
	defer n.close()
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	result, err := hostHandlers(n.broker)[op](ctx, body)
	if err != nil {
		return nil, err
	}
	if _, err := n.broker.Checkpoint(ctx, false); err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// onDatabase is onHost for what makes no sense on a new database.
func onDatabase(ctx context.Context, cfg *config.Config, e *environment, op string, in any) (json.RawMessage, error) {
	none, err := missing(cfg)
	if err != nil {
		return nil, err
	}
	if none {
		return nil, noDatabase(cfg)
	}
	return onHost(ctx, cfg, e, op, in)
}

// modeOf is the mode a database carries, so that the host's commands work on the demo too.
func modeOf(ctx context.Context, cfg *config.Config, e *environment) string {
	if _, err := os.Stat(cfg.DatabaseFile()); errors.Is(err, fs.ErrNotExist) && !cfg.OnPostgreSQL() {
		return ""
	}
	s, err := readOnly(ctx, cfg, e)
	if err != nil {
		return ""
	}
	defer s.Close()
	mode, err := store.Read(ctx, s, func(r *store.Reader) (string, error) { return r.Meta(store.MetaMode) })
	if err != nil {
		return ""
	}
	return mode
}

type adminLinkCmd struct {
	config.Config
}

// Run prints the link on a terminal; elsewhere it writes it 0600 beside the data, so that it does not end
// up in a log.
func (c *adminLinkCmd) Run(ctx context.Context, e *environment) error {
	none, err := missing(&c.Config)
	if err != nil {
		return err
	}
	out, err := onHost(ctx, &c.Config, e, opAdminLink, nil)
	if err != nil {
		return err
	}
	if none {
		fmt.Fprintf(e.stderr, "A new database was made at %s, because there was none. Is it another one you mean? Name its directory with --data.\n", c.DatabaseFile())
	}
	var secret string
	if err := json.Unmarshal(out, &secret); err != nil {
		return err
	}
	return c.show(e, "admin-link", c.PublicURL+"/admin-link/"+secret, "Open it within 15 minutes and sign in:")
}

type adminVoucherCmd struct {
	config.Config
	Person string `arg:"" help:"The person's id in the file, or from the address of their page."`
	Lost   bool   `help:"The person lost their passkeys: remove them, end their sessions, and tell every administrator."`
}

// Run prints the voucher on a terminal; elsewhere it writes it 0600 beside the data.
func (c *adminVoucherCmd) Run(ctx context.Context, e *environment) error {
	out, err := onDatabase(ctx, &c.Config, e, opAdminVoucher, voucherRequest{c.Person, c.Lost})
	if err != nil {
		return err
	}
	var secret string
	if err := json.Unmarshal(out, &secret); err != nil {
		return err
	}
	return (&adminLinkCmd{c.Config}).show(e, "voucher", secret, "Good for 15 minutes, once, under Passkeys. Hand it over in person:")
}

func (c *adminLinkCmd) show(e *environment, name, secret, words string) error {
	if isTerminal(e.stdout) {
		_, err := fmt.Fprintf(e.stdout, "%s\n\n  %s\n", words, secret)
		return err
	}
	path := filepath.Join(c.Data, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.stdout, "Written to %s, readable by you alone. Good for 15 minutes, once.\n", path)
	return err
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type adminClockCmd struct {
	config.Config
}

// Run accepts the clock.
func (c *adminClockCmd) Run(ctx context.Context, e *environment) error {
	if _, err := onDatabase(ctx, &c.Config, e, opClockAccept, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.stdout, "The clock as it is now is believed.")
	return err
}
