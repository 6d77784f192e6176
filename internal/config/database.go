package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// Database says where the database is: the path of a SQLite file, or the address of a PostgreSQL.
type Database struct {
	file  string
	url   *url.URL
	wrong string // why it cannot be read; never with what was given, which may hold a password
}

// mistyped reports whether a relative path looks like an address with a slip in it: Stint would begin an empty
// database in a file of that name, and go on as if nothing were wrong.
func mistyped(path string) bool {
	explicit := strings.HasPrefix(path, "/") || strings.HasPrefix(path, "./") || strings.HasPrefix(path, "../")
	return !explicit && (strings.ContainsAny(path, ":@=?") || strings.Contains(path, "//"))
}

// UnmarshalText keeps what cannot be read for Complete to refuse.
func (d *Database) UnmarshalText(text []byte) error {
	*d = Database{}
	given := strings.TrimSpace(string(text))
	if !strings.Contains(given, "://") {
		if d.file = given; mistyped(given) {
			d.file, d.wrong = "", "is neither an address nor plainly a path; write postgres://stint@db.example.org/stint, or ./ before the name of a file"
		}
		return nil
	}
	u, err := url.Parse(given)
	switch {
	case err != nil:
		d.wrong = "is not an address; write it like postgres://stint@db.example.org/stint. Characters such as / or @ in a password are written as %2F or %40"
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		d.wrong = "must begin with postgres://, or be the path of a file"
	case strings.Trim(u.Path, "/") == "":
		d.wrong = "must name the database after the host: postgres://stint@db.example.org/stint"
	case u.Query().Has("password"):
		d.wrong = "must not hold the password among its options; use database_password"
	default:
		d.url = u
	}
	return nil
}

// String is what was given, without a password.
func (d Database) String() string {
	if d.url != nil {
		return d.url.Redacted()
	}
	return d.file
}

// Bare is the address without a password, for the command line of another program.
func (d Database) Bare() string {
	u := *d.url
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

func (d Database) hosts() []string {
	if host := d.url.Hostname(); host != "" {
		return []string{host}
	}
	return strings.Split(d.url.Query().Get("host"), ",")
}

// remote reports whether anything of it crosses a network.
func (d Database) remote() bool {
	for _, host := range d.hosts() {
		if ip := net.ParseIP(host); host != "" && host != "localhost" && !strings.HasPrefix(host, "/") && (ip == nil || !ip.IsLoopback()) {
			return true
		}
	}
	return false
}

func (f *faults) database() {
	d, secret := f.c.Database, f.c.DatabasePassword
	mode := ""
	if d.url != nil {
		mode = d.url.Query().Get("sslmode")
	}
	switch {
	case d.wrong != "":
		f.add("database", d.wrong)
	case d.password() && strings.HasPrefix(f.c.where["database"], "the flag"):
		f.add("database", "holds a password, which everybody on this machine can read in a flag; use database_password")
	case d.url != nil && d.remote() && mode != "" && mode != "verify-full" && mode != "verify-ca":
		f.add("database", fmt.Sprintf("has sslmode=%s: whoever is on the network between could read and change everything. Leave sslmode out, which means verify-full, and name the server's authority with sslrootcert=FILE where the system does not know it", mode))
	}
	switch {
	case secret.wrong:
		f.add("database-password", "must be file:PATH or env:NAME, not the secret itself")
	case !secret.IsZero() && d.url == nil && d.wrong == "":
		f.add("database-password", "is for a database on PostgreSQL; set database to its address, or leave this out")
	case !secret.IsZero() && d.password():
		f.add("database-password", "is given twice; take the password out of database")
	}
}

func (d Database) password() bool {
	if d.url == nil || d.url.User == nil {
		return false
	}
	_, set := d.url.User.Password()
	return set
}

// OnPostgreSQL reports whether the database is on a PostgreSQL and not a file.
func (c *Config) OnPostgreSQL() bool { return c.Database.url != nil }

// DatabaseFile is the path of the SQLite file.
func (c *Config) DatabaseFile() string {
	if c.Database.file != "" {
		return c.Database.file
	}
	return filepath.Join(c.Data, "stint.db")
}

// AtFile is the configuration with another database: a file.
func (c Config) AtFile(path string) Config {
	c.Database = Database{file: path}
	return c
}

// DatabaseURL is the address of the PostgreSQL with its password, to connect with and never to show.
func (c *Config) DatabaseURL(env LookupEnv) (string, error) {
	u := *c.Database.url
	q := u.Query()
	if c.Database.remote() && !q.Has("sslmode") {
		q.Set("sslmode", "verify-full")
		u.RawQuery = q.Encode()
	}
	if c.DatabasePassword.IsZero() {
		return u.String(), nil
	}
	password, err := c.DatabasePassword.Read(env)
	if err != nil {
		return "", err
	}
	user := ""
	if u.User != nil {
		user = u.User.Username()
	}
	u.User = url.UserPassword(user, password)
	return u.String(), nil
}
