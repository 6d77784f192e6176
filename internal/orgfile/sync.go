package orgfile

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"stint/internal/connector"
	"stint/internal/pim"
)

const maxSyncText = 1000

// syncText is a field of a directory sync that is text.
type syncText struct {
	name string
	at   *string
}

// syncTexts are in the order in which they are written.
func syncTexts(s *pim.SyncSettings) []syncText {
	return []syncText{{"base", &s.Base}, {"filter", &s.Filter}, {"match", &s.Match}, {"claim", &s.Claim}, {"issuer", &s.Issuer}, {"name", &s.Name}, {"email", &s.Email},
		{"department", &s.Department}, {"title", &s.Title}, {"manager", &s.Manager}, {"guest", &s.Guest}, {"guest_when", &s.GuestWhen}, {"disabled", &s.Disabled},
		{"disabled_when", &s.DisabledWhen}}
}

// SyncFields are the texts of a directory sync, each with its name in the file.
func SyncFields(s pim.SyncSettings) (out [][2]string) {
	for _, f := range syncTexts(&s) {
		out = append(out, [2]string{f.name, *f.at})
	}
	return out
}

// sync reads how a directory's people are followed.
func (o *object) sync(kind string) *pim.SyncSettings {
	n := o.at["sync"]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		o.fail("sync", "must be fields such as filter: …")
		return nil
	}
	if kind != "" && !slices.Contains(connector.PeopleKinds(), kind) {
		o.fail("sync", "a target of kind %s is no directory of people", kind)
	}
	out, known := &pim.SyncSettings{}, []string{"every_hours", "max_share"}
	for _, f := range syncTexts(out) {
		known = append(known, f.name)
	}
	before := len(o.r.Faults)
	s := o.r.object(n, o.field("sync"), known...)
	for _, f := range syncTexts(out) {
		*f.at = s.text(f.name, false, asAny, isText(maxSyncText))
	}
	usual := pim.SyncDefaults(false)
	out.EveryHours, out.MaxShare = s.number("every_hours", usual.EveryHours, pim.SyncMaxHours), s.number("max_share", usual.MaxShare, 100)
	if refusal := out.Check(); refusal != nil && len(o.r.Faults) == before { // what is wrong by itself was said
		s.fail(refusal.Field, "%s", strings.TrimSuffix(refusal.Message, "."))
	}
	return out
}

// number returns a whole number from 0 to most, or what is usual.
func (o *object) number(name string, usual, most int) int {
	s, ok := o.scalar(name, "!!int")
	if !ok {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		o.fail(name, "must be a number from 0 to %d", most)
		return usual
	}
	return n
}

func syncNode(s pim.SyncSettings) *yaml.Node {
	n := node(yaml.MappingNode)
	for _, f := range syncTexts(&s) {
		if *f.at != "" {
			put(n, f.name, quoted(*f.at))
		}
	}
	put(n, "every_hours", whole(s.EveryHours))
	put(n, "max_share", whole(s.MaxShare))
	return n
}

func whole(n int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(n)}
}
