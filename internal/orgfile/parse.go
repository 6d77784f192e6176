package orgfile

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"stint/internal/connector"
	"stint/internal/pim"
)

// Parse reads and checks a file. name is how errors call it. The error is an *Errors with everything wrong.
func Parse(name string, text []byte) (*Doc, error) {
	r := &reader{Errors: Errors{File: name}}
	top := r.document(text)
	if top == nil {
		return nil, r.Err()
	}
	sum := sha256.Sum256(text)
	d := &Doc{Name: name, Digest: hex.EncodeToString(sum[:])}
	o := r.object(top, "", "version", "targets", "resources", "roles", "people", "groups", "workloads", "accounts", "assignments")
	if v, ok := o.scalar("version", asAny...); ok && v != strconv.Itoa(Version) {
		o.fail("version", "%s is not known; this Stint reads version %d", quote(v), Version)
	} else if !ok && !o.has("version") && len(o.at) > 0 {
		o.fail("version", "is missing; begin with `version: %d`", Version)
	}
	o.list("targets", func(n *yaml.Node, where string) { d.Targets = append(d.Targets, r.target(n, where)) })
	o.list("resources", func(n *yaml.Node, where string) { d.Resources = append(d.Resources, r.resource(n, where)) })
	o.list("roles", func(n *yaml.Node, where string) { d.Roles = append(d.Roles, r.role(n, where)) })
	o.list("people", func(n *yaml.Node, where string) { d.People = append(d.People, r.person(n, where)) })
	o.list("groups", func(n *yaml.Node, where string) { d.Groups = append(d.Groups, r.group(n, where)) })
	o.list("workloads", func(n *yaml.Node, where string) { d.Workloads = append(d.Workloads, r.workload(n, where)) })
	o.list("accounts", func(n *yaml.Node, where string) { d.Accounts = append(d.Accounts, r.account(n, where)) })
	o.list("assignments", func(n *yaml.Node, where string) { d.Assignments = append(d.Assignments, r.assignment(n, where)) })
	(&checker{r, d}).check()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

func (r *reader) target(n *yaml.Node, where string) Target {
	o := r.object(n, where, "id", "kind", "name", "settings", "secret", "may_write", "authoritative", "sync")
	t := Target{Pos: pos(n), ID: o.id(), Name: o.text("name", true, asText, isName), Settings: map[string]string{}}
	kinds := connector.Kinds()
	if kind := o.choice("kind", kinds...); kind != nil {
		t.Kind = *kind
	} else if !o.has("kind") {
		o.fail("kind", "is missing; use %s", strings.Join(kinds, " or "))
	}
	at := o.settings(t.Settings)
	t.Secret = o.secret()
	t.MayWrite = o.texts("may_write", isText(maxEntitlement))
	if p := o.boolean("authoritative"); p != nil {
		t.Authoritative = *p
	}
	t.Sync = o.sync(t.Kind)
	if t.Kind != "" {
		r.connect(o, t, at)
	}
	return t
}

// settings reads a target's plain settings; a list becomes lines.
func (o *object) settings(into map[string]string) map[string]*yaml.Node {
	at := map[string]*yaml.Node{}
	n := o.at["settings"]
	if n == nil {
		return at
	}
	if n.Kind != yaml.MappingNode {
		o.fail("settings", "must be fields such as address: …")
		return at
	}
	names := []string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		names = append(names, n.Content[i].Value)
	}
	s := o.r.object(n, o.field("settings"), append(names, "address")...)
	for name, value := range s.at {
		at[name] = value
		if value.Kind == yaml.SequenceNode {
			into[name] = strings.Join(s.texts(name, isText(maxSetting)), "\n")
		} else if text := s.text(name, false, asAny, isText(maxSetting)); text != "" {
			into[name] = text
		}
	}
	return at
}

// secret reads where a credential is kept. What stands there is never repeated: it may be the secret itself.
func (o *object) secret() Secret {
	n := o.at["secret"]
	if n == nil {
		return Secret{}
	}
	if n.Kind != yaml.MappingNode {
		o.fail("secret", "must be {env: NAME} or {file: PATH}; never write the secret itself here")
		return Secret{}
	}
	s := o.r.object(n, o.field("secret"), "env", "file")
	out := Secret{Pos: pos(n), Env: s.text("env", false, asAny, isEnv), File: s.text("file", false, asAny, isText(maxSetting))}
	if s.has("env") == s.has("file") {
		o.fail("secret", "must be either {env: NAME} or {file: PATH}")
	}
	return out
}

// connect lets the connector of the target's kind check it; the fault stands at the setting it names.
func (r *reader) connect(o *object, t Target, at map[string]*yaml.Node) {
	plain := maps.Clone(t.Settings)
	if _, twice := plain[connector.MayWrite]; twice {
		r.Add(pos(at[connector.MayWrite]), o.field("settings"), "may_write stands beside settings, not in it")
	}
	plain[connector.MayWrite] = strings.Join(t.MayWrite, "\n")
	if err := connector.Validate(t.Kind, plain); err != nil {
		field, message := connectorFault(err)
		node, where := o.node, o.field("settings."+field)
		if at[field] != nil {
			node = at[field]
		} else if field == connector.MayWrite || field == "kind" {
			where = o.field(field)
			if o.at[field] != nil {
				node = o.at[field]
			}
		}
		r.Add(pos(node), where, "%s", message)
		return
	}
	if needed, err := connector.Secrets(t.Kind, plain); err == nil && len(needed) > 0 && !o.has("secret") {
		o.fail("secret", "is missing: where to read the %s, {env: NAME} or {file: PATH}", strings.ReplaceAll(needed[0], "_", " "))
	}
}

func (r *reader) resource(n *yaml.Node, where string) Resource {
	o := r.object(n, where, "id", "kind", "name", "parent", "target", "owners_hand_out")
	return Resource{HandOut: o.roles("owners_hand_out"), Pos: pos(n), ID: o.id(), Kind: o.text("kind", true, asAny, isID), Name: o.text("name", true, asText, isName),
		Parent: o.ref("parent", "resource", false), Target: o.ref("target", "target", false)}
}

// roles is a list of roles of the file; nil when it is not there. Stint's own are not handed out by owners.
func (o *object) roles(name string) []string {
	if !o.has(name) {
		return nil
	}
	ids := o.texts(name, isID)
	for _, id := range ids {
		if _, own := Builtin[id]; own {
			o.fail(name, "%s is Stint's own role, which owners never hand out", id)
		}
		o.r.refs = append(o.r.refs, reference{pos(o.at[name]), o.field(name), "role", id})
	}
	return ids
}

func (r *reader) role(n *yaml.Node, where string) Role {
	o := r.object(n, where, "id", "name", "description", "privileged", "means", "settings")
	role := Role{Pos: pos(n), ID: o.id()}
	if _, role.Builtin = Builtin[role.ID]; role.Builtin {
		for _, name := range []string{"name", "description", "privileged", "means"} {
			if o.has(name) {
				o.fail(name, "%s is Stint's own role: only its settings can be given", role.ID)
			}
		}
		role.Privileged = role.ID == "privileged-role-administrator" || role.ID == "stint-resource-administrator"
	} else {
		role.Name, role.Description = o.text("name", true, asText, isName), o.text("description", false, asText, isText(maxText))
		if p := o.boolean("privileged"); p != nil {
			role.Privileged = *p
		} else if !o.has("privileged") {
			o.fail("privileged", "is missing; write true for a role that could do harm, else false")
		}
	}
	o.list("means", func(n *yaml.Node, where string) {
		m := r.object(n, where, "resource", "entitlement", "relation")
		means := Meaning{Pos: pos(n), Resource: m.ref("resource", "resource", true), Entitlement: m.text("entitlement", true, asAny, isText(maxEntitlement))}
		if relation := m.choice("relation", "member", string(pim.Owner)); relation != nil && *relation == string(pim.Owner) {
			means.Relation = pim.Owner
		}
		role.Means = append(role.Means, means)
	})
	o.list("settings", func(n *yaml.Node, where string) { role.Settings = append(role.Settings, r.settings(n, where, role)) })
	return role
}

func (r *reader) settings(n *yaml.Node, where string, role Role) Settings {
	o := r.object(n, where, "resource", "max_duration", "default_duration", "step_up", "context", "justification", "ticket", "approval", "approvers", "approval_timeout",
		"max_lead", "max_total", "extension_approval", "permanent_eligible", "eligible_max", "permanent_active", "active_max", "assign_step_up",
		"assign_justification", "enforced")
	s := Settings{Pos: pos(n), Resource: o.ref("resource", "resource", false), MaxDuration: o.duration("max_duration"), DefaultDuration: o.duration("default_duration"),
		Justification: o.flag("justification", "required", "optional"), Ticket: o.flag("ticket", "required", "optional"),
		Approval: o.flag("approval", "required", "none"), ApprovalTimeout: o.duration("approval_timeout"),
		MaxLead: o.duration("max_lead"), MaxTotal: o.duration("max_total"),
		PermanentEligible: o.flag("permanent_eligible", "allowed", "refused"), EligibleMax: o.days("eligible_max"),
		PermanentActive: o.flag("permanent_active", "allowed", "refused"), ActiveMax: o.days("active_max"),
		AssignStepUp: o.flag("assign_step_up", "required", "none"), AssignJustification: o.flag("assign_justification", "required", "optional")}
	o.list("enforced", func(n *yaml.Node, _ string) { s.Enforced = append(s.Enforced, pim.Field(n.Value)) })
	if rule := o.choice("extension_approval", string(pim.ExtensionAsActivation), string(pim.ExtensionFree)); rule != nil {
		e := pim.ExtensionApproval(*rule)
		s.ExtensionApproval = &e
	}
	if level := o.choice("step_up", string(pim.StepUpAttested), string(pim.StepUpPasskey), string(pim.StepUpNone)); level != nil {
		l := pim.StepUpLevel(*level)
		s.StepUp = &l
	}
	if o.has("context") {
		c := strings.Join(strings.Fields(o.text("context", false, asText, isText(maxURL))), " ")
		if c == "none" {
			c = ""
		}
		s.Context = &c
	}
	if o.has("approvers") {
		s.Approvers = []string{}
	}
	o.list("approvers", func(n *yaml.Node, where string) {
		ref := r.principal(n, where, "person", "group")
		if slices.Contains(s.Approvers, ref) {
			r.Add(pos(n), where, "%s is there twice; keep one", ref)
		} else if ref != "" {
			s.Approvers = append(s.Approvers, ref)
		}
	})
	checkSettings(o, s, role)
	return s
}

// checkSettings lets the domain refuse field by field until it has nothing more to say.
func checkSettings(o *object, s Settings, role Role) {
	rules := s.Rules()
	for range len(pim.Fields()) + 1 {
		refusal := rules.Check(pim.RoleDefinition{Privileged: role.Privileged})
		if refusal == nil {
			return
		}
		o.fail(refusal.Field, "%s", refusal.Message)
		if refusal.Field == "enforced" {
			rules.Enforced = nil
		}
		rules = rules.Without(pim.Field(refusal.Field))
	}
}

// Rules are the settings in the domain's words; ids are still those of the file.
func (s Settings) Rules() pim.RoleSettings {
	return pim.RoleSettings{ResourceID: s.Resource, MaxDuration: s.MaxDuration, DefaultDuration: s.DefaultDuration, StepUp: s.StepUp, Context: s.Context,
		Justification: s.Justification, Ticket: s.Ticket, Approval: s.Approval, Approvers: s.Approvers, ApprovalTimeout: s.ApprovalTimeout,
		MaxLead: s.MaxLead, MaxTotal: s.MaxTotal, ExtensionApproval: s.ExtensionApproval,
		PermanentEligible: s.PermanentEligible, EligibleMax: s.EligibleMax, PermanentActive: s.PermanentActive, ActiveMax: s.ActiveMax,
		AssignStepUp: s.AssignStepUp, AssignJustification: s.AssignJustification, Enforced: s.Enforced}
}

func (r *reader) person(n *yaml.Node, where string) Person {
	o := r.object(n, where, "id", "name", "email", "department", "title", "manager", "guest", "match", "issuer", "subject", "enabled")
	p := Person{Pos: pos(n), ID: o.id(), Name: o.text("name", true, asText, isName), Email: o.text("email", false, asText, isEmail),
		Department: o.text("department", false, asAny, isText(maxShort)), Title: o.text("title", false, asAny, isText(maxShort)),
		Issuer: o.text("issuer", false, asText, isText(maxURL)), Subject: o.text("subject", false, asAny, isText(maxShort)), Enabled: o.boolean("enabled")}
	p.Manager = o.ref("manager", "person", false)
	if guest := o.boolean("guest"); guest != nil {
		p.Guest = *guest
	}
	if o.has("issuer") != o.has("subject") {
		o.fail("subject", "issuer and subject belong together: they say who somebody is at the provider")
	}
	if m := o.at["match"]; m != nil {
		p.MatchClaim, p.MatchValue = r.match(m, o.field("match"))
	}
	return p
}

func (r *reader) match(n *yaml.Node, where string) (claim, value string) {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		r.Add(pos(n), where, "must be one claim and its value, such as {preferred_username: alice}")
		return "", ""
	}
	claim = n.Content[0].Value
	o := r.object(n, where, claim)
	if wrong := isText(maxShort)(claim); wrong != "" || claim == "" || strings.ContainsAny(claim, " \"") {
		r.Add(pos(n.Content[0]), where, "%s is not a claim's name", quote(claim))
		return "", ""
	}
	return claim, o.text(claim, true, asAny, isText(maxShort))
}

func (r *reader) group(n *yaml.Node, where string) Group {
	o := r.object(n, where, "id", "name", "claim", "members")
	g := Group{Pos: pos(n), ID: o.id(), Name: o.text("name", true, asText, isName), Claim: o.text("claim", false, asAny, isText(maxShort))}
	seen := map[string]bool{}
	o.list("members", func(n *yaml.Node, where string) {
		ref := r.principal(n, where, "person", "group")
		if seen[ref] && ref != "" {
			r.Add(pos(n), where, "%s is there twice; keep one", ref)
		} else if ref != "" {
			g.Members = append(g.Members, Member{pos(n), ref})
		}
		seen[ref] = true
	})
	return g
}

func (r *reader) workload(n *yaml.Node, where string) Workload {
	o := r.object(n, where, "id", "name", "description", "owner", "enabled")
	w := Workload{Pos: pos(n), ID: o.id(), Name: o.text("name", true, asText, isName), Description: o.text("description", false, asText, isText(maxText)),
		Enabled: o.boolean("enabled")}
	if p := o.at["owner"]; p != nil {
		w.Owner = r.principal(p, o.field("owner"), "person", "group")
	}
	return w
}

func (r *reader) account(n *yaml.Node, where string) Account {
	o := r.object(n, where, "person", "workload", "target", "account")
	a := Account{Pos: pos(n), Workload: o.ref("workload", "workload", false), Target: o.ref("target", "target", true), Account: o.text("account", true, asAny, isText(maxEntitlement))}
	if o.has("workload") && o.has("person") {
		o.fail("workload", "is somebody else's account; give person or workload, not both")
	}
	a.Person = o.ref("person", "person", !o.has("workload"))
	return a
}

func (r *reader) assignment(n *yaml.Node, where string) Assignment {
	o := r.object(n, where, "principal", "role", "resource", "kind", "from", "until", "reason")
	a := Assignment{Pos: pos(n), Role: o.ref("role", "role", true), Resource: o.ref("resource", "resource", true), From: o.from("from"), Until: o.time("until"),
		Reason: o.text("reason", false, asText, isText(pim.MaxJustification)), FromPos: pos(n), UntilPos: pos(n)}
	if p := o.at["principal"]; p != nil {
		a.Principal = r.principal(p, o.field("principal"), "person", "group", "workload")
	} else {
		o.fail("principal", "is missing; write person/ID, group/ID or workload/ID")
	}
	if kind := o.choice("kind", string(pim.Eligible), string(pim.Active)); kind != nil {
		a.Kind = pim.AssignmentKind(*kind)
	} else if !o.has("kind") {
		o.fail("kind", "is missing; write eligible (may activate) or active (holds without activating)")
	}
	if strings.HasPrefix(a.Principal, "workload/") && a.Kind == pim.Eligible {
		o.fail("kind", "must be active: a workload cannot activate")
	}
	if _, own := Builtin[a.Role]; own && strings.HasPrefix(a.Principal, "workload/") {
		o.fail("principal", "is a workload; Stint's own roles are for people, who sign in")
	}
	if o.has("until") {
		a.UntilPos = pos(o.at["until"])
	}
	if o.has("from") {
		a.FromPos = pos(o.at["from"])
	}
	return a
}
