// Package control is how a command on the host talks to the running Stint: JSON over HTTP on a Unix socket
// beside the database. It owns the socket, who may use it, and how an answer or an error crosses it. It hands
// off what the operations do: they are a map of functions.
//
// Invariants: the socket is 0600, and the kernel is asked who connects: only the user Stint runs as, or root,
// who both could read the database anyway. Nothing here listens on a network. Only the process that holds the
// database's lock serves, so a socket file found at start is a dead one and is replaced.
package control
