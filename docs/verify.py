#!/usr/bin/env python3
"""Verifies an export of Stint's audit log without Stint.

    python3 verify.py EXPORT VKEY... [--remember FILE]

EXPORT is what `stint audit export` wrote, each VKEY a verifier key as an auditor noted it. FILE keeps the last checkpoint
that was seen: a log that was cut off or rewritten since is found. Written from RFC 6962, RFC 8785 and C2SP signed-note and
tlog-checkpoint; needs Python 3.8 and openssl 3, nothing else. It looks at bytes, hashes and signatures, not at what the
entries mean.
"""
import base64, functools, hashlib, json, os, subprocess, sys, tempfile


class Bad(Exception):
    pass


def need(claim, words):
    if not claim:
        raise Bad(words)


def sha(b):
    return hashlib.sha256(b).digest()


def ed25519(key, text, signature):
    with tempfile.TemporaryDirectory() as d:
        files = {"key": bytes.fromhex("302a300506032b6570032100") + key, "text": text, "sig": signature}
        for name, content in files.items():
            with open(os.path.join(d, name), "wb") as f:
                f.write(content)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin",
                               "-in", "text", "-sigfile", "sig"], cwd=d, capture_output=True).returncode == 0


@functools.lru_cache(maxsize=None)
def signed(note, vkeys):
    """The size, root and origin of a checkpoint, when one of the keys signed it under its own name."""
    text, sep, signatures = note.rpartition("\n\n")
    lines, good = text.split("\n"), False
    need(sep and len(lines) == 3 and signatures.endswith("\n"), "no checkpoint")
    for line in signatures[:-1].split("\n"):
        dash, name, coded = (line.split(" ") + ["", ""])[:3]
        need(dash == "—" and line.count(" ") == 2, "a signature line is malformed")
        raw = base64.b64decode(coded, validate=True)
        need(len(raw) > 4 and base64.b64encode(raw).decode() == coded, "a signature is not spelt as it must be")
        for vkey in vkeys:
            key = base64.b64decode(vkey.split("+", 2)[2])
            if vkey.split("+")[0] == name and raw[:4] == sha(name.encode() + b"\n" + key)[:4]:
                need(key[:1] == b"\1" and ed25519(key[1:], (text + "\n").encode(), raw[4:]), "a signature is wrong")
                good = good or name == lines[0]
    need(good, "not signed by one of the keys")
    size, root = int(lines[1]), base64.b64decode(lines[2], validate=True)
    need(str(size) == lines[1] and base64.b64encode(root).decode() == lines[2] and len(root) == 32, "not spelt as it must be")
    return size, root, lines[0]


def canonical(line):
    value = json.loads(line)
    need(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == line, "not in canonical form")
    return value


def verify(lines, vkeys, remembered=None):
    """Returns how many entries are good and the last checkpoint; raises Bad, or what reading raises, at the first wrong thing."""
    n, edge, last, covered, head, origin = 0, [], None, 0, None, None
    known = signed(remembered, vkeys) if remembered else None

    def root():
        return functools.reduce(lambda right, left: sha(b"\1" + left + right), reversed(edge)) if edge else sha(b"")

    for line in lines:
        line = line[:-1] if line.endswith(b"\n") else line
        value = canonical(line.decode())
        if head is None:
            head = value
            need(sorted(head) == ["entries", "format", "origin", "v"] and (head["format"], head["v"]) == ("stint-audit-export", 1), "no export")
        elif "checkpoint" in value:
            size, want, origin = signed(value["checkpoint"], vkeys)
            need(size == n, f"the checkpoint after {n} entries is of {size}")
            need(root() == want, f"entries {covered} to {n - 1}: they do not have the signed root: something was changed")
            last, covered = value["checkpoint"], n
        else:
            need(value["seq"] == n, f"entry {n} is missing, or is not in its place")
            node, i = sha(b"\0" + line), n
            while i & 1:
                node, i = sha(b"\1" + edge.pop() + node), i >> 1
            edge.append(node)
            n += 1
        if known and known[0] == n:
            need(root() == known[1], f"the log was REWRITTEN: its first {n} entries are not those that were seen before")
            last, covered, origin, known = remembered, n, known[2], None
    need(head and head["entries"] == n, f"the export ends after {n} entries")
    need(not known, "the log was TRUNCATED: entries that were seen before are gone from its end")
    need(not n or head["origin"] == origin, "its first line names another log")
    need(covered == n, f"entries {covered} to {n - 1}: no checkpoint covers them")
    return n, last


def main(args):
    memory = args.pop(args.index("--remember") + 1) if "--remember" in args else None
    path, *vkeys = [a for a in args if a != "--remember"]
    remembered = open(memory).read() if memory and os.path.exists(memory) else None
    try:
        with open(path, "rb") as lines:
            n, last = verify(lines, tuple(vkeys), remembered)
    except (Bad, ValueError, KeyError, TypeError, AttributeError) as e:
        sys.exit(f"BAD: {e}")
    print(f"All {n} entries of {path} are good: every byte is what was signed.")
    if memory and last:
        with open(memory + ".new", "w") as f:
            f.write(last)
        os.replace(memory + ".new", memory)


if __name__ == "__main__":
    main(sys.argv[1:])
