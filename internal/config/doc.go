// Package config is Stint's configuration: one struct, filled from flags, environment and one YAML file (in that
// order of precedence), completed with defaults and checked once.
//
// It owns the fields, their defaults, limits and meanings ([Fields], from the struct's tags), where each value came from,
// and the words in which a wrong one is refused: the field's name in all three places, what is allowed, what to do.
//
// It hands off the use of every value. It opens no file but the configuration file itself, and reads a secret or a
// certificate only when asked ([Secret.Read], [Config.TLS]).
//
// Invariants:
//   - A Config that came out of [Config.Complete] without an error is consistent; nobody checks it again.
//   - A secret is a reference to a file or an environment variable. A value that is neither is forgotten at once, so that
//     it cannot be printed (THREATS T28).
//   - Keys and the outside checkpoint never lie in the data directory (DESIGN §4 invariant 12).
package config
