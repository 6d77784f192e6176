package archtest

// rule says what the packages under a path may import of this module. The longest path that fits counts.
type rule struct {
	path string   // "internal/pim", or "internal/stinttest/" for everything below
	may  []string // packages of this module; "x/" is everything below x
	why  string
}

// rules is the picture of DESIGN §1 as a table. A package that does not exist yet is no error.
var rules = []rule{
	{"internal/pim", nil, "the domain answers from its arguments"},
	{"internal/audit", nil, "the Merkle log is pure: bytes, hashes, signatures"},
	{"db", nil, "the schema is data"},
	{"internal/store", []string{"internal/pim", "internal/audit", "db"}, "SQL saves and loads values of the domain; it decides nothing and calls nobody"},
	{"internal/store/storetest", []string{"internal/store", "internal/pim", "internal/audit"}, "the suite every engine passes uses exported methods alone"},
	{"internal/connector", nil, "a connector never calls back and knows nothing of Stint"},
	{"internal/connector/", []string{"internal/connector"}, "one package a system, against the contract alone"},
	{"internal/signin", nil, "claims in, an identity out; who that is, the broker knows"},
	{"internal/stepup", []string{"internal/pim"}, "an assertion becomes pim.StepUp"},
	{"internal/orgfile", []string{"internal/pim", "internal/connector"}, "the file is checked against the rules and against what a kind of target understands"},
	{"internal/broker", []string{"internal/pim", "internal/store", "internal/audit", "internal/connector", "internal/signin", "internal/stepup", "internal/orgfile"},
		"operations: the one place where rules, rows and targets meet"},
	{"internal/config", nil, "one struct, validated once, given to whoever needs a field"},
	{"internal/telemetry", []string{"internal/broker"}, "figures of the whole, for whoever watches the server"},
	{"internal/control", []string{"internal/pim"}, "the socket carries requests and refusals, it decides nothing"},
	{"internal/demo", nil, "a provider and a directory as a stranger would run them: spoken to over the network alone"},
	{"static", nil, "assets"},
	{"views", []string{"static"}, "a component takes one struct shaped like the screen; no I/O and no domain"},
	{"views/", []string{"views", "views/", "static"}, "samples and gallery show the components without a database"},
	{"web", []string{"internal/pim", "internal/broker", "internal/store", "internal/audit", "internal/signin", "internal/stepup", "views", "static"},
		"HTTP in, HTML out: reads ask store, writes go through broker, targets are never called"},
	{"docs", nil, "text"},
	{"docs/", []string{"internal/stinttest/"}, "samples are tried out"},
	{"cmd/stint", []string{"internal/", "web", "db"}, "the program wires everything together"},
	{"internal/stinttest/", []string{"internal/", "web"}, "the harness runs the real thing"},
	{"internal/archtest", nil, "reads source, runs nothing"},
}

// narrow says who alone may import a package, of this module or another, by file or package path. The
// longest path that fits counts.
var narrow = []struct {
	path string
	only []string
	why  string
}{
	{"stint/internal/demo", []string{"cmd/stint/demo.go"}, "DESIGN §2: a real installation must not be able to reach the demo's provider"},
	{"stint/internal/stinttest", []string{"internal/stinttest/", "docs/"}, "test peers, passkeys and fakes never get into the program"},
	{"stint/internal/store/storetest", nil, "a suite is run by tests"},
	{"stint/internal/connector/connectortest", nil, "a suite is run by tests"},
	{"testing", []string{"internal/stinttest/", "internal/store/storetest", "internal/connector/connectortest", "docs/"}, "no flags and helpers of tests in the program"},

	{"database/sql", []string{"internal/store", "internal/stinttest/database"}, "SQL is written in store; only the rows of a benchmark are written beside it"},
	{"modernc.org/sqlite", []string{"internal/store"}, "the engine is store's business"},
	{"github.com/jackc/pgx", []string{"internal/store", "internal/connector/postgres", "internal/stinttest/"}, "an engine of the store; a target of its own connector; tests set up and look beside both"},
	{"github.com/pressly/goose", []string{"internal/store"}, "migrations run when the store opens"},
	{"github.com/go-ldap/ldap", []string{"internal/connector/ldap", "internal/demo", "internal/stinttest/"}, "LDAP is one connector's language; the demo's directory answers in it"},
	{"github.com/jimlambrt/gldap", []string{"internal/demo"}, "a directory server is part of the demo alone"},
	{"github.com/go-webauthn", []string{"internal/stepup"}, "one place verifies passkeys, so that what the library only warns of is refused everywhere"},
	{"github.com/coreos/go-oidc", []string{"internal/signin"}, "one place verifies tokens"},
	{"golang.org/x/oauth2", []string{"internal/signin", "internal/stinttest/"}, "one place speaks OAuth"},
	{"github.com/labstack/echo", []string{"web"}, "handlers live in web"},
	{"github.com/gorilla/sessions", []string{"web"}, "cookies are HTTP"},
	{"github.com/a-h/templ", []string{"web", "views", "views/"}, "pages are rendered in web, written in views"},
	{"go.opentelemetry.io/otel/sdk", []string{"internal/telemetry"}, "what is told goes out in one place; elsewhere only the API is used"},
	{"go.opentelemetry.io/otel/exporters", []string{"internal/telemetry"}, "what is told goes out in one place"},
	{"github.com/prometheus", []string{"internal/telemetry"}, "what is told goes out in one place"},
	{"go.yaml.in/yaml", []string{"internal/orgfile", "internal/config", "internal/demo"}, "files people write"},
	{"github.com/alecthomas/kong", []string{"cmd/stint", "internal/config"}, "flags and environment come in by the door"},
}

// pimStandard is the standard library that the domain may use: values to values (DESIGN house rules 1, 2).
// Not in it, on purpose: context, database/sql, net, net/http, os, io, log, sync, math/rand, crypto/rand.
var pimStandard = []string{"bytes", "cmp", "crypto/sha256", "encoding/base64", "encoding/hex", "encoding/json", "errors", "fmt", "iter", "maps", "math", "slices",
	"sort", "strconv", "strings", "time", "unicode", "unicode/utf8"}

// never lists what one package may not use, though others may.
var never = []struct {
	under string
	path  string
	why   string
}{
	{"views", "net/http", "components know no request"},
	{"views", "context", "components take one struct; generated code brings its own"},
	{"internal/store", "net/http", "rows know no request"},
	{"internal/audit", "net/http", "the log knows no request"},
	{"internal/broker", "net/http", "operations know no request: they take values and an actor"},
	{"internal/connector", "net/http", "the contract says nothing about how a target is spoken to"},
	{"internal/audit", "context", "pure: there is nothing to cancel"},
}

// clock lists the files outside tests that may ask for the time; everybody else is given it (house rule 2).
var clock = map[string]string{
	"cmd/stint/main.go":                          "the door: the program's clock is handed in here",
	"cmd/stint/doctor.go":                        "shows this server's clock to the person who asks about it",
	"internal/store/store.go":                    "Options.Now left empty means the wall clock",
	"internal/store/clock.go":                    "the monotonic clock that guards the wall clock starts with the process",
	"internal/store/trace.go":                    "how long a transaction took is no time of the domain",
	"internal/connector/trace.go":                "how long a call took is no time of the domain",
	"web/trace.go":                               "how long an answer took is no time of the domain",
	"internal/broker/target.go":                  "how long a target took to answer is no time of the domain",
	"web/middleware.go":                          "how long an answer took is no time of the domain",
	"web/audit_export.go":                        "the deadline of a write to a connection is no time of the domain",
	"web/stream.go":                              "the deadline of a write to a connection is no time of the domain",
	"internal/connector/connectortest/faults.go": "how long a call took under a fault is what the suite judges",
	"internal/stinttest/":                        "peers of tests keep their own time, as strangers do",
}

// words are exemptions by name: a file may use these words of a package it may not call.
var words = []struct {
	file, path string
	names      []string
	why        string
}{
	{"web/view_target.go", "stint/internal/connector", []string{"Denied", "MayWrite"}, "two words stored in rows are named, nothing is called"},
}
