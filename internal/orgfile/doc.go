// Package orgfile is the file of `stint apply`: YAML that says who may be what. It owns the format: reading,
// checking everything that can be known without a database, and writing it. It hands off what a file means
// for a database (broker.Plan, broker.Apply). The format by example: internal/demo/northwind.yaml.
//
// Invariants: reading is strict, nothing unknown is skipped; every fault is found in one go and says line,
// column, field, what is allowed and what to do; YAML aliases are refused, so a small file stays small; ids are
// plain ASCII and names hold nothing that reads differently than it is (THREATS T22, T29); a secret is only
// ever named, never written, and what stands where its reference belongs is not repeated in an error (T28).
// What Write wrote, Parse reads back as the same Doc.
package orgfile
