package orgfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"stint/internal/connector/ldap"
	"stint/internal/orgfile"
	"stint/internal/pim"
)

var _ = ldap.Kind // the kind of target these files use

// whole is a file without a fault; the tests break one thing of it.
const whole = `version: 1
targets:
  - id: dir
    kind: ldap
    name: Directory
    settings:
      address: ["ldaps://one.example.org", "ldaps://two.example.org"]
      base_dn: "dc=example,dc=org"
      bind_dn: "cn=stint,dc=example,dc=org"
      start_tls: false
    secret: {env: DIRECTORY_PASSWORD}
    may_write: ["*,ou=groups,dc=example,dc=org"]
resources:
  - {id: org, kind: organisation, name: Example, target: dir}
  - {id: db, kind: database, name: Database, parent: org}
roles:
  - id: dba
    name: DBA
    description: Everything.
    privileged: true
    means: [{resource: db, entitlement: "cn=dba,ou=groups,dc=example,dc=org"}]
    settings:
      - {max_duration: 1h30m, default_duration: 30m, step_up: passkey, justification: required, ticket: optional, approval: none}
      - {resource: db, approval: required, approvers: [group/leads, person/bob], approval_timeout: 24h, max_lead: 48h, max_total: 4h, extension_approval: none, permanent_eligible: refused, eligible_max: 90d, permanent_active: allowed, active_max: 36h, assign_step_up: required, assign_justification: optional, enforced: [approval, approvers]}
  - {id: auditor, settings: [{max_duration: 1h}]}
people:
  - {id: alice, name: Alice Keller, email: alice@example.org, department: Ops, title: Engineer, match: {preferred_username: alice}}
  - {id: bob, name: Bob Okafor, issuer: "https://idp.example.org", subject: "0042", enabled: true}
groups:
  - {id: leads, name: Leads, claim: db-leads, members: [person/bob, group/more]}
  - {id: more, name: More}
accounts:
  - {person: alice, target: dir, account: 0815}
assignments:
  - {principal: person/alice, role: dba, resource: db, kind: eligible, until: 2027-06-30}
  - {principal: group/leads, role: auditor, resource: stint, kind: active}
`

func broken(t *testing.T, old, new string) string {
	t.Helper()
	if !strings.Contains(whole, old) {
		t.Fatalf("the file has no %q", old)
	}
	return strings.Replace(whole, old, new, 1)
}

func faults(t *testing.T, text string) string {
	t.Helper()
	_, err := orgfile.Parse("f", []byte(text))
	if err == nil {
		return ""
	}
	var all *orgfile.Errors
	if !errors.As(err, &all) {
		t.Fatalf("%T: %v", err, err)
	}
	return err.Error()
}

func TestWholeFile(t *testing.T) {
	d, err := orgfile.Parse("f", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Targets) != 1 || len(d.Resources) != 2 || len(d.Roles) != 2 || len(d.People) != 2 || len(d.Groups) != 2 || len(d.Accounts) != 1 || len(d.Assignments) != 2 {
		t.Fatalf("%+v", d)
	}
	if got := d.Targets[0].Settings; got["address"] != "ldaps://one.example.org\nldaps://two.example.org" || got["start_tls"] != "false" {
		t.Errorf("%v", got)
	}
	if a := d.Assignments[0]; !a.Until.Equal(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)) || a.Line != 35 || a.Kind != pim.Eligible {
		t.Errorf("%+v", a)
	}
	if a := d.Accounts[0]; a.Account != "0815" { // digits are kept as written
		t.Errorf("%+v", a)
	}
	if s := d.Roles[0].Settings[0]; *s.MaxDuration != 90*time.Minute || s.ApprovalTimeout != nil || s.Approvers != nil || *s.Ticket || !*s.Justification {
		t.Errorf("%+v", s)
	}
	if len(d.Digest) != 64 {
		t.Errorf("digest %q", d.Digest)
	}
}

// Every field with what it must not hold: the line, the column, the field, what is allowed.
func TestEveryFieldRefusesWhatItMust(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct{ old, new, want string }{
		{"version: 1\n", "", "f:1:1: version: is missing; begin with `version: 1`"},
		{"version: 1", "version: 2", `f:1:10: version: "2" is not known; this Stint reads version 1`},
		{"version: 1", "version: one", `version: "one" is not known`},
		{"version: 1", "version: [1]", "version: takes one value, not a list or fields"},
		{"version: 1", "version:", "version: is empty; give a value or leave the field out"},
		{"targets:", "target:", `f:2:1: "target" is not a field here; did you mean "targets"? (known: version, targets,`},
		{"targets:", "targets: 5\nx:", `targets: must be a list`},
		{"targets:", "targets:\nx:", `targets: is empty; give a list or leave the field out`},

		{"id: dir\n", "id: \"\"\n", "f:3:9: targets[1].id: is empty"},
		{"id: dir\n", "id: Dir\n", `f:3:9: targets[1].id: "Dir" is not an id: use lower case letters a-z, digits and dashes`},
		{"id: dir\n", "id: " + strings.Repeat("d", 65) + "\n", "targets[1].id: is longer than 64 characters"},
		{"id: dir\n", "id: stint\n", "targets[stint]: is Stint's own; choose another id"},
		{"kind: ldap", "kind: ldab", `f:4:11: targets[dir].kind: "ldab" must be ldap; did you mean "ldap"?`},
		{"    kind: ldap\n", "", "f:3:5: targets[dir].kind: is missing; use ldap"},
		{"name: Directory", "name: 7", `targets[dir].name: "7" is a number here; put it in quotes if it is meant as text`},
		{"name: Directory", "name: true", `"true" is true or false here`},
		{"name: Directory", "name: 2027-01-01", `"2027-01-01" is a date here`},
		{"name: Directory", "name: [a]", "targets[dir].name: takes one value, not a list or fields"},
		{"name: Directory", "name: " + long, "targets[dir].name: is longer than 120 characters"},
		{"name: Directory", "name: Directory\n    name: Twice", "f:6:5: targets[dir]: name is there twice; keep one"},
		{"name: Directory", "nmae: Directory", `f:5:5: targets[dir]: "nmae" is not a field here; did you mean "name"?`},
		{"base_dn: \"dc=example,dc=org\"", "base_dn: \"example\"", `f:8:16: targets[dir].settings.base_dn: not a distinguished name`},
		{"base_dn: \"dc=example,dc=org\"", "base_dn: \"\"", "targets[dir].settings.base_dn: is empty"},
		{"base_dn: \"dc=example,dc=org\"", "base_dn: {a: b}", "targets[dir].settings.base_dn: takes one value, not a list or fields"},
		{"base_dn: \"dc=example,dc=org\"", "base_dn: \"dc=example,dc=org\"\n      colour: red", "targets[dir].settings.colour: unknown setting of an LDAP target"},
		{"ldaps://one.example.org", "http://one.example.org", "targets[dir].settings.address: ldaps://host[:port] or ldap://host[:port]"},
		{"address: [\"ldaps://one.example.org\", \"ldaps://two.example.org\"]", "address: " + long, "targets[dir].settings.address: is longer than 4000 characters"},
		{"start_tls: false", "start_tls: maybe", `targets[dir].settings.start_tls: true or false, not "maybe"`},
		{"start_tls: false", "may_write: x", "may_write stands beside settings, not in it"},
		{"    may_write: [\"*,ou=groups,dc=example,dc=org\"]\n", "", "targets[dir].may_write: name at least one group or role"},
		{"[\"*,ou=groups,dc=example,dc=org\"]", "[a, a]", `targets[dir].may_write[2]: "a" is there twice; keep one`},
		{"[\"*,ou=groups,dc=example,dc=org\"]", "[]", "targets[dir].may_write: name at least one group or role"},
		{"[\"*,ou=groups,dc=example,dc=org\"]", "[cn=,=]", "targets[dir].may_write: a group's name, its DN"},
		{"    secret: {env: DIRECTORY_PASSWORD}\n", "", "targets[dir].secret: is missing: where to read the bind password, {env: NAME} or {file: PATH}"},
		{"{env: DIRECTORY_PASSWORD}", "{env: A, file: b}", "targets[dir].secret: must be either {env: NAME} or {file: PATH}"},
		{"{env: DIRECTORY_PASSWORD}", "{}", "targets[dir].secret: must be either {env: NAME} or {file: PATH}"},

		{"{id: org, kind: organisation, name: Example, target: dir}", "{id: org, kind: organisation, name: Example, target: dirr}", `resources[org].target: there is no target "dirr" in this file; did you mean "dir"?`},
		{"{id: org, kind: organisation, name: Example, target: dir}", "{id: org, kind: organisation, name: Example}", "roles[dba].means: neither db nor a resource above it has a target"},
		{"kind: organisation", "kind: An Organisation", "resources[org].kind: "},
		{"kind: database, ", "", "f:15:5: resources[db].kind: is missing"},
		{"parent: org", "parent: db", "resources: resources contain each other: db > db"},
		{"parent: org", "parent: stint", "resources[db].parent: nothing can stand below Stint's own resource"},
		{"id: db, kind", "id: org, kind", "resources[org]: the id is taken already in line 14; ids are unique among resources"},
		{"id: db, kind", "id: stint, kind", "resources[stint]: is Stint's own; choose another id"},

		{"name: DBA\n", "name: \"DBA \"\n", "f:18:11: roles[dba].name: begins or ends with a space; take it away"},
		{"description: Everything.", "description: " + long, "roles[dba].description: is longer than 500 characters"},
		{"    privileged: true\n", "", "f:17:5: roles[dba].privileged: is missing; write true for a role that could do harm, else false"},
		{"privileged: true", "privileged: yes", `roles[dba].privileged: "yes" must be true or false`},
		{"privileged: true", "privileged: 1", `roles[dba].privileged: "1" must be true or false`},
		{"resource: db, entitlement", "resource: dbb, entitlement", `roles[dba].means[1].resource: there is no resource "dbb" in this file; did you mean "db"?`},
		{"resource: db, entitlement", "resource: stint, entitlement", "the resource stint is Stint's own; nothing is held there at a target"},
		{"entitlement: \"cn=dba,ou=groups,dc=example,dc=org\"", "entitlement: \"\"", "roles[dba].means[1].entitlement: is empty"},
		{"entitlement: \"cn=dba,ou=groups,dc=example,dc=org\"", "entitlement: " + long, "is longer than 1000 characters"},
		{"entitlement: \"cn=dba,ou=groups,dc=example,dc=org\"}", "entitlement: a}, {resource: db, entitlement: a}", "this meaning is there already in line 21; keep one"},
		{"entitlement: \"cn=dba,ou=groups,dc=example,dc=org\"}", "entitlement: a, relation: owner}, {resource: db, entitlement: a, relation: owner}", "this meaning is there already in line 21; keep one"},
		{"entitlement: \"cn=dba,ou=groups,dc=example,dc=org\"}", "entitlement: a, relation: manager}", `"manager" must be member or owner`},
		{"id: auditor,", "id: auditor, name: Me,", "roles[auditor].name: auditor is Stint's own role: only its settings can be given"},
		{"id: auditor,", "id: dba,", "roles[dba]: the id is taken already in line 17"},

		{"max_duration: 1h30m", "max_duration: \"\"", "f:23:24: roles[dba].settings[1].max_duration: is empty"},
		{"max_duration: 1h30m", "max_duration: 90", `max_duration: "90" is not a length of time; write it like 30m or 1h30m`},
		{"max_duration: 1h30m", "max_duration: 1.5h", `"1.5h" is not a length of time`},
		{"max_duration: 1h30m", "max_duration: -1h", `"-1h" is not a length of time`},
		{"max_duration: 1h30m", "max_duration: 30s", "max_duration must be between 1m and 24h."},
		{"max_duration: 1h30m", "max_duration: 25h", "max_duration must be between 1m and 24h."},
		{"max_duration: 1h30m", "max_duration: 999999999999h", "is not a length of time"},
		{"max_duration: 1h30m", "max_duration: 20m", "roles[dba].settings[1].default_duration: default_duration is longer than max_duration"},
		{"max_duration: 1h30m, default_duration: 30m", "max_duration: 30h, default_duration: 10s", "default_duration must be between 1m and 24h."}, // both are told
		{"step_up: passkey", "step_up: none", "step_up: none is only for roles that are not privileged; use passkey."},
		{"step_up: passkey", "step_up: pas-key", `step_up: "pas-key" must be attested or passkey or none; did you mean "passkey"?`},
		{"justification: required", "justification: true", `justification: "true" must be required or optional`},
		{"ticket: optional", "ticket: none", `ticket: "none" must be required or optional`},
		{"approval: none", "approval: required", "roles[dba].settings.approvers: approval is required but nobody is named"},
		{"approvers: [group/leads, person/bob]", "approvers: []", "approval is required but nobody is named"},
		{"approvers: [group/leads, person/bob]", "approvers: [bob]", `approvers[1]: must be person/ID or group/ID, not "bob"`},
		{"approvers: [group/leads, person/bob]", "approvers: [person/bob, person/bob]", "person/bob is there twice; keep one"},
		{"approvers: [group/leads, person/bob]", "approvers: [group/laeds]", `there is no group "laeds" in this file; did you mean "leads"?`},
		{"approvers: [group/leads, person/bob]", "approvers: group/leads", "approvers: must be a list"},
		{"max_lead: 48h", "max_lead: 169h", "max_lead must be between 0s and 168h"},
		{"max_lead: 48h", "max_lead: -1h", "max_lead"},
		{"max_total: 4h", "max_total: 0s", "max_total must be between 1m and 168h."},
		{"max_total: 4h", "max_total: 1h, max_duration: 2h", "max_total is shorter than max_duration; make it at least that."},
		{"eligible_max: 90d", "eligible_max: 30m", "eligible_max must be between 1h and 3650d."},
		{"eligible_max: 90d", "eligible_max: 90 days", "is not a length of time; write it like 90d or 36h"},
		{"active_max: 36h", "active_max: 4000d", "active_max must be between 1h and 3650d."},
		{"permanent_eligible: refused", "permanent_eligible: none", `must be allowed or refused`},
		{"enforced: [approval, approvers]", "enforced: [approval, colour]", "colour is not one of the settings"},
		{"enforced: [approval, approvers]", "enforced: [approval, ticket]", "ticket is not set here"},
		{"enforced: [approval, approvers]", "enforced: approval", "enforced: must be a list"},
		{"extension_approval: none", "extension_approval: boss", `extension_approval: "boss" must be as_activation or none`},
		{"approval_timeout: 24h", "approval_timeout: 200h", "approval_timeout must be between 5m and 168h."},
		{"      - {resource: db, approval", "      - {approval", "what holds at this resource is there already in line 23"},

		{"name: Alice Keller", "name: \"\"", "people[alice].name: is empty"},
		{"name: Alice Keller, ", "", "f:27:5: people[alice].name: is missing"},
		{"email: alice@example.org", "email: alice", `people[alice].email: "alice" is not an address such as alice@example.org`},
		{"email: alice@example.org", "email: a@" + strings.Repeat("b", 300), "people[alice].email: is longer than 254 characters"},
		{"department: Ops", "department: " + strings.Repeat("o", 201), "people[alice].department: is longer than 200 characters"},
		{"match: {preferred_username: alice}", "match: alice", "people[alice].match: must be one claim and its value, such as {preferred_username: alice}"},
		{"match: {preferred_username: alice}", "match: {a: b, c: d}", "people[alice].match: must be one claim and its value"},
		{"match: {preferred_username: alice}", "match: {a b: c}", `"a b" is not a claim's name`},
		{"match: {preferred_username: alice}", "match: {sub: \"\"}", "people[alice].match.sub: is empty"},
		{"issuer: \"https://idp.example.org\", ", "", "people[bob].subject: issuer and subject belong together"},
		{"enabled: true", "enabled: no", `people[bob].enabled: "no" must be true or false`},
		{"match: {preferred_username: alice}", "issuer: \"https://idp.example.org\", subject: \"0042\"", "somebody with this subject is there already in line 27"},
		{"issuer: \"https://idp.example.org\", subject: \"0042\"", "match: {preferred_username: alice}", "somebody with this claim is there already in line 27"},

		{"members: [person/bob, group/more]", "members: [person/bob, group/leads]", "f:30:69: groups: groups contain each other: leads > leads"},
		{"members: [person/bob, group/more]", "members: [person/bobb]", `groups[leads].members[1]: there is no person "bobb" in this file; did you mean "bob"?`},
		{"members: [person/bob, group/more]", "members: [person/bob, person/bob]", "groups[leads].members[2]: person/bob is there twice; keep one"},
		{"members: [person/bob, group/more]", "members: [team/x]", "must be person/ID or group/ID"},
		{"claim: db-leads", "claim: \"\"", "groups[leads].claim: is empty"},

		{"account: 0815", "account: \"\"", "f:33:43: accounts[1].account: is empty"},
		{"account: 0815}", "account: a}\n  - {person: alice, target: dir, account: b}", "an account of alice at dir is there already in line 33"},
		{"{person: alice, target: dir", "{person: group/leads, target: dir", `accounts[1].person: "group/leads" is not an id`},
		{"{person: alice, target: dir", "{person: alicia, target: dir", `there is no person "alicia" in this file; did you mean "alice"?`},

		{"principal: person/alice, ", "", "f:35:5: assignments[1].principal: is missing; write person/ID, group/ID or workload/ID"},
		{"principal: person/alice", "principal: [person/alice]", "assignments[1].principal: must be person/ID, group/ID or workload/ID"},
		{"kind: eligible, ", "", "assignments[1].kind: is missing; write eligible (may activate) or active"},
		{"kind: eligible", "kind: elligible", `"elligible" must be eligible or active; did you mean "eligible"?`},
		{"role: dba, resource: db", "role: dba, resource: stint", "Stint's own roles (privileged-role-administrator, auditor, stint-security-reader) are held on the resource stint and no others are"},
		{"role: dba, resource: db", "role: stint-security-reader, resource: db", "are held on the resource stint and no others are"},
		{"role: dba, resource: db", "role: stint-resource-administrator, resource: stint", "stint-resource-administrator is held on any other resource"},
		{"role: auditor, resource: stint", "role: auditor, resource: db", "are held on the resource stint"},
		{"role: dba, resource: db", "role: dab, resource: db", `there is no role "dab" in this file; did you mean "dba"?`},
		{"until: 2027-06-30", "until: 2027-06-31", `f:35:79: assignments[1].until: "2027-06-31" is not a date; write 2027-06-30 (the end of that day in UTC) or 2027-06-30T18:00:00Z`},
		{"until: 2027-06-30", "until: 20270630", `"20270630" is not a date`},
		{"until: 2027-06-30", "until: soon", `"soon" is not a date`},
		{"until: 2027-06-30", "until: ~", "assignments[1].until: is empty"},
		{"until: 2027-06-30", "until: 9999-12-31", `"9999-12-31" is after 2199-12-31; leave ` + "`until` out for no end"},
		{"until: 2027-06-30", "until: 1970-01-01", `"1970-01-01" is past`},
		{"until: 2027-06-30", "until: 2027-06-30T18:00:00", "is not a date"},
		{"until: 2027-06-30", "until: 2027-06-30T18:00:00.5Z", "is not a date"},
		{"  - {principal: group/leads, role: auditor, resource: stint, kind: active}\n", "  - {principal: person/alice, role: dba, resource: db, kind: eligible}\n", "f:36:5: assignments: this assignment is there already in line 35; keep one"},
		{"  - {principal: group/leads", "  - x\n  - {principal: group/leads", "assignments[2]: must be fields such as principal: …"},
	} {
		if got := faults(t, broken(t, c.old, c.new)); !strings.Contains(got, c.want) {
			new := c.new
			if len(new) > 80 {
				new = new[:80] + "…"
			}
			t.Errorf("%s -> %s\n have %s\n want %s", strings.TrimSpace(c.old), strings.TrimSpace(new), got, c.want)
		}
	}
}

// All that is wrong is told at once, in the order of lines.
func TestEverythingIsToldAtOnce(t *testing.T) {
	text := strings.NewReplacer("name: DBA", "name: ' '", "id: alice,", "id: Alice,", "kind: active", "kind: actual", "dc=example,dc=org\"\n      bind", "x\"\n      bind").Replace(whole)
	got := strings.Split(faults(t, text), "\n")
	want := []string{"f:8:", "f:18:", "f:27:", "f:33:", "f:35:", "f:36:"} // alice is not there any more, either
	if len(got) != len(want) {
		t.Fatalf("%s", strings.Join(got, "\n"))
	}
	for i, prefix := range want {
		if !strings.HasPrefix(got[i], prefix) {
			t.Errorf("%s, want %s", got[i], prefix)
		}
	}
	many := "version: 1\npeople:\n" + strings.Repeat("  - {}\n", 300)
	if got := faults(t, many); strings.Count(got, "\n") != 100 || !strings.HasSuffix(got, "f: and 500 more") {
		t.Errorf("%d lines, the last: %s", strings.Count(got, "\n"), got[strings.LastIndex(got, "\n")+1:])
	}
}

// What is not a file of this format at all.
func TestOtherFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "f:1:1: is empty; begin with `version: 1`",
		"# nothing\n":                       "is empty",
		"~\n":                               "is empty",
		"[]":                                "must be fields such as version: …",
		"hello":                             "must be fields such as version: …",
		"version: 1\n\tx: 2\n":              "f:2:1: is not YAML: found a tab character",
		"version: 1\n---\nversion: 1\n":     "f:2:1: a second document begins here",
		"\xff\xff":                          "is not YAML",
		"version: 1\npeople: \x00\n":        "is not YAML",
		"a: &a [1]\nb: *a\nversion: 1\n":    `"a" is not a field here`,
		"version: &v 1\n":                   "YAML anchors and aliases are not read",
		"version: !!int 1\n":                "YAML tags are not read",
		"version: 1\npeople:\n  - <<: *x\n": "is not YAML: unknown anchor 'x' referenced",
		"version: 1\npeople:\n  - {<<: {id: a}, name: A}\n":                          `"<<" is not a field here`,
		"version: 1\n" + strings.Repeat("#", orgfile.MaxSize):                        "is larger than 16 MiB",
		"version: 1\npeople: " + strings.Repeat("[", 5000):                           "is not YAML",
		"version: 1\ngroups:\n  - {id: a, name: A, members: &m [group/a]}\n  - *m\n": "YAML anchors and aliases are not read",
	} {
		if got := faults(t, text); !strings.Contains(got, want) {
			t.Errorf("%.60q\n have %.300s\n want %s", text, got, want)
		}
	}
	if got := faults(t, "version: 1\n"); got != "" {
		t.Errorf("a file that takes everything away: %s", got)
	}
	// An alias bomb is refused, not unrolled.
	bomb := "version: 1\na0: &a0 [x]\n"
	for i := 1; i < 40; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1)
	}
	if got := faults(t, bomb+"people: *a39\n"); !strings.Contains(got, "aliases are not read") && !strings.Contains(got, "not a field") {
		t.Errorf("%.200s", got)
	}
}

// T22, T29: ids that look like others are refused, names that read as other names too; real names of many
// languages are taken.
func TestLookAlikes(t *testing.T) {
	for _, id := range []string{"ops/", "ops%", "OPS", "оps", "ops\\0", "ops ", " ops", "-ops", "ops-", "öps", "ops_2", "ｏps", "ops\\u202e", "."} {
		if got := faults(t, broken(t, "id: leads,", "id: \""+id+"\",")); !strings.Contains(got, "f:30:10: groups[1].id: ") {
			t.Errorf("id %q: %s", id, got)
		}
	}
	for _, name := range []string{"оps", "Admіn istrators", "Bοb", "ops\\u202e", "ops\\u200b", "ops\\u00ad", "ops\\0", "ops\\e[2J", "ops\\n", "ops\\t2", " ops", "ops\\u00a0", "ｏｐｓ", "𝐨𝐩𝐬", "Zoe\\u0308", "---", "ops\\u2028x", "\\ufeffops"} {
		if got := faults(t, broken(t, "name: Leads,", "name: \""+name+"\",")); !strings.Contains(got, "f:30:23: groups[leads].name: ") || strings.ContainsAny(got, "\u202e\u200b\x1b\x00\t\u2028") {
			t.Errorf("name %q: %q", name, got)
		}
	}
	for _, name := range []string{"Inês Duarte", "Liam O'Connell", "Игорь Петров", "Νίκος", "田中 太郎", "محمد", "Łukasz-Żółć 2nd", "R&D (EU) #1", "ops-2", "Дом Smith"} {
		if got := faults(t, broken(t, "name: Leads,", "name: \""+name+"\",")); got != "" {
			t.Errorf("name %q: %s", name, got)
		}
	}
	for _, text := range []string{"account: \"a\\u202eb\"", "account: \"a\\nb\"", "account: \"a\\0b\""} {
		if got := faults(t, broken(t, "account: 0815", text)); !strings.Contains(got, "accounts[1].account: ") {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// T22: groups nest to depth 10; deeper, and circles, are refused at a line of theirs. So are resources.
func TestNesting(t *testing.T) {
	chain := func(kind string, n int, last string) string {
		var b strings.Builder
		b.WriteString("version: 1\n" + kind + ":\n")
		for i := range n {
			switch {
			case kind == "groups" && i < n-1:
				fmt.Fprintf(&b, "  - {id: g%d, name: G, members: [group/g%d]}\n", i, i+1)
			case kind == "groups":
				fmt.Fprintf(&b, "  - {id: g%d, name: G%s}\n", i, last)
			case i > 0:
				fmt.Fprintf(&b, "  - {id: g%d, kind: k, name: G, parent: g%d}\n", i, i-1)
			default:
				fmt.Fprintf(&b, "  - {id: g0, kind: k, name: G%s}\n", last)
			}
		}
		return b.String()
	}
	for _, kind := range []string{"groups", "resources"} {
		if got := faults(t, chain(kind, 10, "")); got != "" {
			t.Errorf("10 %s: %s", kind, got)
		}
		if got := faults(t, chain(kind, 11, "")); !strings.HasPrefix(got, "f:") || strings.HasPrefix(got, "f: ") || !strings.Contains(got, "10") {
			t.Errorf("11 %s: %s", kind, got)
		}
	}
	if got := faults(t, chain("groups", 3, ", members: [group/g0]")); got != "f:5:33: groups: groups contain each other: g0 > g1 > g2 > g0" {
		t.Errorf("%s", got)
	}
	if got := faults(t, chain("resources", 3, ", parent: g2")); !strings.HasPrefix(got, "f:3:5: resources: resources contain each other: g0 > g1 > g2 > g0") {
		t.Errorf("%s", got)
	}
}

// T28: what stands where a reference to a secret belongs is not repeated.
func TestASecretIsNotRepeated(t *testing.T) {
	const canary = "canary hunter2"
	for _, secret := range []string{canary, "\"" + canary + "\"", "{env: " + canary + "}", "{" + canary + ": x}", "{env: A, value: " + canary + "}", "[" + canary + "]", "{env: {a: " + canary + "}}"} {
		got := faults(t, broken(t, "{env: DIRECTORY_PASSWORD}", secret))
		if got == "" || strings.Contains(got, canary) && secret != "{"+canary+": x}" {
			t.Errorf("%s: %s", secret, got)
		}
	}
	if got := faults(t, broken(t, "start_tls: false", "bind_password: "+canary)); !strings.Contains(got, "unknown setting") || strings.Contains(got, canary) {
		t.Errorf("%s", got)
	}
}

func TestReadSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600), os.Chmod(filepath.Join(dir, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("good", "secret one\r\n", 0o640)
	write("open", "secret", 0o644)
	write("empty", "\n", 0o600)
	write("big", strings.Repeat("x", 70000), 0o600)
	env := func(name string) (string, bool) { return map[string]string{"SET": "secret two"}[name], name == "SET" }
	for ref, want := range map[string]string{
		"{file: good}": "",
		"{env: SET}":   "",
		"{file: " + filepath.Join(dir, "good") + "}": "",
		"{file: open}":  "is open to everybody on this machine (mode 0644); run: chmod o=",
		"{file: empty}": "is empty",
		"{file: big}":   "must be a plain file of at most 65536 bytes",
		"{file: .}":     "must be a plain file",
		"{file: none}":  "does not exist; write the secret into it with mode 0600",
		"{env: UNSET}":  "org.yaml:11:13: targets[dir].secret: the environment variable UNSET is not set; set it for the command that applies the file",
	} {
		d, err := orgfile.Parse(filepath.Join(dir, "org.yaml"), []byte(broken(t, "{env: DIRECTORY_PASSWORD}", ref)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.ReadSecrets(env)
		switch {
		case want == "" && (err != nil || !strings.HasPrefix(got["dir"], "secret ") || strings.ContainsAny(got["dir"], "\r\n")):
			t.Errorf("%s: %q, %v", ref, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// EC-06, EC-15, K-28: what is allowed and will surprise.
func TestWarnings(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"account: 0815}", "account: 0815}\n", ""},
		{"  - {person: alice, target: dir, account: 0815}\n", "  - {person: bob, target: dir, account: b}\n", "person/alice has no account at dir in this file, so dba cannot be granted there"},
		{"approvers: [group/leads, person/bob]", "approvers: [person/alice]", "nobody but the person could approve when person/alice activates dba"},
		{"approvers: [group/leads, person/bob]", "approvers: [group/more]", "nobody but the person could approve"},
		{"approvers: [group/leads, person/bob]", "approvers: [group/leads]", ""}, // its claim may bring people in
		{"subject: \"0042\", enabled: true}", "subject: \"0042\", enabled: false}", ""},
		{"    means: [{resource: db, entitlement: \"cn=dba,ou=groups,dc=example,dc=org\"}]\n", "", "dba means nothing at db or below it, so holding it gives nothing at a target"},
	} {
		d, err := orgfile.Parse("f", []byte(strings.Replace(whole, c.old, c.new, 1)))
		if err != nil {
			t.Fatalf("%s: %v", c.new, err)
		}
		var got string
		for _, w := range d.Warnings() {
			if w.Line < 34 {
				t.Errorf("%+v has no line", w)
			}
			got += w.Message + "\n"
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s:\n have %s want %s", c.new, got, c.want)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2027-06-30":                time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC),
		"2028-02-29":                time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC),
		"2199-12-31":                time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		"2027-06-30T18:00:00+02:00": time.Date(2027, 6, 30, 16, 0, 0, 0, time.UTC),
		"2027-06-30T00:00:00Z":      time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC),
	} {
		got, err := orgfile.ParseTime(text)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", text, got, err)
		}
		if again, err := orgfile.ParseTime(orgfile.FormatTime(got)); err != nil || !again.Equal(got) {
			t.Errorf("%s -> %s -> %s, %v", got, orgfile.FormatTime(got), again, err)
		}
	}
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "0s": 0} {
		if got, err := orgfile.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for text, want := range map[string]time.Duration{"1d": 24 * time.Hour, "3650d": 3650 * 24 * time.Hour, "36h": 36 * time.Hour, "48h": 48 * time.Hour} {
		got, err := orgfile.ParseDays(text)
		if again, wrong := orgfile.ParseDays(orgfile.FormatDays(got)); err != nil || got != want || wrong != nil || again != want {
			t.Errorf("%s: %s, %v; again %s, %v", text, got, err, again, wrong)
		}
	}
	for _, text := range []string{"", "0d", "d", "1d2h", "-1d", "01d", "999999d", "1D", "1.5d"} {
		if got, err := orgfile.ParseDays(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
	for _, text := range []string{"", "1", "h", "1d", "1H", "+1h", "1h1h", "30m1h", "1h ", "٣m", "1e3s", "1.0h", "9999999h", "PT1H"} {
		if got, err := orgfile.ParseDuration(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

// bare takes away where things stood, which writing does not keep.
func bare(d *orgfile.Doc) *orgfile.Doc {
	clear := reflect.TypeFor[orgfile.Pos]()
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch {
		case v.Type() == clear:
			v.SetZero()
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[time.Time]() {
					walk(v.Field(i))
				}
			}
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		}
	}
	walk(reflect.ValueOf(d).Elem())
	d.Digest, d.Name = "", ""
	return d
}

func TestWriteReadsBack(t *testing.T) {
	first, err := orgfile.Parse("f", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	hostile := "x\u0085- {id: evil}\u2028targets: []\nassignments: []\x1b[2J\u202e"
	text, err := orgfile.Write(first, []string{"intro"}, []string{hostile, orgfile.Line(orgfile.Person{ID: "x", Name: hostile})})
	if err != nil {
		t.Fatal(err)
	}
	second, err := orgfile.Parse("f", text)
	if err != nil || !reflect.DeepEqual(bare(first), bare(second)) {
		t.Errorf("%v\n%s", err, text)
	}
	if strings.ContainsAny(string(text), "\u0085\u2028\x1b\u202e") {
		t.Errorf("%q", text)
	}
}

// A start and a reason come back as they were; a day begins where another ends.
func TestAssignmentReadsBack(t *testing.T) {
	text := strings.Replace(whole, "kind: eligible, until: 2027-06-30", "kind: eligible, from: 2027-06-01, until: 2027-06-30, reason: \"Release: 7\"", 1)
	first, err := orgfile.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a := first.Assignments[0]
	if !a.From.Equal(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)) || !a.Until.Equal(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)) || a.Reason != "Release: 7" {
		t.Errorf("%+v", a)
	}
	written, err := orgfile.Write(first, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := orgfile.Parse("f", written)
	if err != nil || !reflect.DeepEqual(bare(first), bare(second)) {
		t.Errorf("%v\n%s", err, written)
	}
}

// FuzzFile: no file makes reading panic, every fault has words, and what was read can be written and read again.
func FuzzFile(f *testing.F) {
	f.Add([]byte(whole))
	northwind, err := os.ReadFile(filepath.Join("..", "demo", "northwind.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(northwind)
	for _, s := range []string{"", "version: 1", "version: 1\npeople: [{id: a, name: A}]\n", "version: 1\ngroups: [{id: a, name: A, members: [group/a]}]\n", "- &a [*a]", "version: 1\nresources: [{id: a, kind: k, name: A, parent: a}]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := orgfile.Parse("f", text)
		if err != nil {
			var all *orgfile.Errors
			if !errors.As(err, &all) || len(all.Faults) == 0 || err.Error() == "" {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		d.Warnings()
		out, err := orgfile.Write(d, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := orgfile.Parse("f", out)
		if err != nil || !reflect.DeepEqual(bare(d), bare(again)) {
			t.Fatalf("%v\n%s\n---\n%s", err, text, out)
		}
	})
}

// FuzzDuration: what is read is whole seconds, never negative, and written back the same.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"30m", "1h30m", "0s", "999999h", "1.5h", "-1h", "", "1h1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := orgfile.ParseDuration(s)
		if err != nil {
			return
		}
		again, err := orgfile.ParseDuration(orgfile.FormatDuration(d))
		if err != nil || again != d || d < 0 || d%time.Second != 0 {
			t.Fatalf("%q is %s, written %s, read %s, %v", s, d, orgfile.FormatDuration(d), again, err)
		}
	})
}

// FuzzTime: what is read is a whole second of this and the next century, and written back the same.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2027-06-30", "2027-06-30T18:00:00+02:00", "2199-12-31", "0000-01-01", "2027-06-30T24:00:00Z", "2027-6-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := orgfile.ParseTime(s)
		if err != nil {
			return
		}
		again, err := orgfile.ParseTime(orgfile.FormatTime(at))
		if err != nil || !again.Equal(at) || at.Year() < 2000 || at.Year() > 2200 || at.Nanosecond() != 0 {
			t.Fatalf("%q is %s, written %s, read %s, %v", s, at, orgfile.FormatTime(at), again, err)
		}
	})
}

// DESIGN §3: a target is authoritative only when the file says so, and an export says it again.
func TestAuthoritative(t *testing.T) {
	said := strings.Replace(whole, "    may_write:", "    authoritative: true\n    may_write:", 1)
	for text, want := range map[string]bool{whole: false, said: true, strings.Replace(said, "authoritative: true", "authoritative: false", 1): false} {
		d, err := orgfile.Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out, err := orgfile.Write(d, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := orgfile.Parse("f", out)
		if err != nil || d.Targets[0].Authoritative != want || again.Targets[0].Authoritative != want {
			t.Errorf("read %v, exported and read %v, want %v: %v", d.Targets[0].Authoritative, again.Targets[0].Authoritative, want, err)
		}
	}
	if _, err := orgfile.Parse("f", []byte(strings.Replace(said, "authoritative: true", "authoritative: perhaps", 1))); err == nil || !strings.Contains(err.Error(), "targets[dir].authoritative") {
		t.Errorf("a word that is neither: %v", err)
	}
}

// P-01: a workload comes back as it was; without an account where its role is, the plan says so.
func TestWorkloadReadsBack(t *testing.T) {
	text := whole + `  - {principal: workload/robot, role: dba, resource: db, kind: active, until: 2027-06-30}
workloads:
  - {id: robot, name: Robot, description: "Exports, nightly", owner: group/leads, enabled: true}
`
	first, err := orgfile.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	w := first.Workloads[0]
	if w.Owner != "group/leads" || w.Description != "Exports, nightly" || !*w.Enabled || first.Assignments[2].Principal != "workload/robot" {
		t.Errorf("%+v", w)
	}
	if got := first.Warnings(); len(got) != 1 || got[0].Message != "workload/robot has no account at dir in this file, so dba cannot be granted there" {
		t.Errorf("%+v", got)
	}
	if _, err := orgfile.Parse("f", []byte(text+"accounts:\n  - {workload: robot, target: dir, account: svc}\n")); err == nil {
		t.Error("a section is there twice")
	}
	text = strings.Replace(text, "account: 0815}\n", "account: 0815}\n  - {workload: robot, target: dir, account: svc}\n", 1)
	if first, err = orgfile.Parse("f", []byte(text)); err != nil || len(first.Warnings()) != 0 {
		t.Fatalf("%v", err)
	}
	written, err := orgfile.Write(first, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := orgfile.Parse("f", written)
	if err != nil || !reflect.DeepEqual(bare(first), bare(second)) {
		t.Errorf("%v\n%s", err, written)
	}
}
