// Package audit is the Merkle log under Stint's audit trail (DESIGN §4 invariants 11 and 12, THREATS §5).
//
// It owns the bytes of a leaf ([Encode], [Decode]), the salted commitments that stand in for personal
// text ([Commit]), the growth of the tree ([Head.Append]), the signed checkpoint ([Signer],
// [ParseCheckpoint]), the proofs handed out ([Receipt], [ProveConsistency]), the log as lines ([WriteExport])
// and as tiles ([Tile]), and the offline check of a whole log ([Verify]), including the meaning of its
// activation stories ([Stories]).
//
// It hands off everything else: internal/store keeps entries, hashes and checkpoints and decides when
// to append; internal/pim owns the vocabulary of event types. Nothing here knows SQL, HTTP or a clock,
// and nothing but the signing key file touches the disk.
//
// Invariants:
//   - An entry's seq is its leaf index: zero-based and gap-free, so a tree of size n holds seq 0..n-1.
//   - One entry has exactly one encoding (RFC 8785 canonical JSON); Decode refuses every other spelling.
//   - A leaf holds ids, small facts and commitments, never a name, a reason or an address: erasing a
//     text and its salt leaves every hash and proof valid.
//   - A Head is a value: Append returns the next one and never changes the old, so a transaction that
//     dies leaves the cached head as it was.
//   - A signing key is made once, by O_EXCL; a key that is missing, readable by others or not the
//     recorded one stops the caller instead of being replaced.
package audit
