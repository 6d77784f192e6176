package ldap

import "stint/internal/connector"

var described = []connector.Field{
	{Name: "address", Lines: true, Help: "ldaps://host[:port] or ldap://host[:port]; several servers of one directory one a line, the first is preferred."},
	{Name: "bind_dn", Help: "Whom Stint binds as, such as cn=stint,ou=services,dc=example,dc=org; on Active Directory user@domain, too."},
	{Name: "base_dn", Free: true, Help: "Where people and groups are looked for, such as dc=example,dc=org."},
	{Name: "flavour", Choices: []string{string(openLDAP), string(activeDirectory)}, Help: "What kind of directory it is."},
	{Name: "membership", Free: true, Choices: []string{string(byMember), string(byMemberUID), string(byUniqueMember)}, Help: "The groups’ attribute that names their members; memberUid for POSIX groups."},
	{Name: "account_attribute", Free: true, Help: "What an account is looked up by, once. Left empty: uid, on Active Directory sAMAccountName."},
	{Name: "start_tls", Choices: []string{"false", "true"}, Help: "Encrypt an ldap:// connection before anything is sent."},
	{Name: "ca_file", Help: "A file on Stint’s server with the certificates that sign the directory’s. Left empty: those of the system."},
	{Name: "allow_plaintext", Choices: []string{"false", "true"}, Help: "At your own risk: the credential may cross the network in the clear."},
	{Name: "filler_dn", Free: true, Help: "The member that stays when the last person leaves a group that may not be empty. Left empty: cn=stint-filler and the base."},
	{Name: "read_delay", Free: true, Help: "How late a read may be, such as 15s. Left empty: 0s, on Active Directory 30s."},
}
