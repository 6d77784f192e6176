package postgres

import "stint/internal/connector"

var described = []connector.Field{
	{Name: "address", Lines: true, Help: "host or host:port, such as db.example.org:5432; several servers of one cluster one a line."},
	{Name: "database", Help: "The database Stint signs in to; roles are of the whole cluster. Left empty: postgres."},
	{Name: "user", Help: "The role Stint signs in as, such as stint."},
	{Name: "tls", Choices: []string{verifyFull, disabled}, Help: "The server’s certificate and name are always checked; disable is for this machine itself."},
	{Name: "ca_file", Help: "A file on Stint’s server with the certificates that sign the server’s. Left empty: those of the system."},
	{Name: "allow_plaintext", Choices: []string{"false", "true"}, Help: "At your own risk: the credential may cross the network in the clear."},
	{Name: "end_sessions", Free: true, Choices: []string{"false", "true"}, Help: "End the account’s open sessions when the role ends: one that has switched into the role keeps it otherwise."},
	{Name: "system_identifier", Help: "Refuse to work on another cluster than this one: what SELECT system_identifier FROM pg_control_system() answers."},
}
