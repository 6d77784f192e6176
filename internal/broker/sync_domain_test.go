package broker_test

import (
	"testing"

	"stint/internal/broker"
	_ "stint/internal/connector/ldap" // the kind of target
	"stint/internal/pim"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/stinttest/samba"
	"stint/internal/store"
)

const staff = "OU=Staff," + samba.BaseDN

// Following Active Directory (Debian's Samba): who is disabled there is disabled here and ends at once, the manager is
// known from the same answer, and a group follows the domain's.
func TestSyncOfActiveDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("a domain controller takes several seconds to set up")
	}
	t.Parallel()
	d := samba.Start(t)
	d.AddOU(t, staff)
	uac := func(login, value string, more ...string) {
		all := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {login}, "userPrincipalName": {login + "@stint.test"}, "displayName": {"Person " + login}, "userAccountControl": {value}}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = []string{more[i+1]}
		}
		d.Add(t, "CN="+login+","+staff, all)
	}
	uac("ann", "544", "manager", "CN=stint,OU=Services,"+samba.BaseDN) // nobody of this sync
	uac("bob", "544", "manager", "cn=Ann, ou=Staff, "+samba.BaseDN, "department", "Trade")
	uac("gone", "546")
	d.AddGroup(t, "CN=traders,OU=Groups,"+samba.BaseDN, "traders", "CN=bob,"+staff)

	w := stinttest.New(t)
	f := &followed{World: w, carol: w.Person("carol")}
	w.Administrator("carol")
	f.carol.Ready()
	w.Group("trade")
	out, err := w.Broker.SaveTarget(t.Context(), f.actor(), broker.TargetForm{Kind: "ldap", Name: "Domain", MayWrite: []string{"*,OU=Groups," + samba.BaseDN}, Secret: samba.ServicePassword,
		Settings: map[string]string{"address": d.URL, "ca_file": d.CAFile, "flavour": "ad", "base_dn": samba.BaseDN, "bind_dn": samba.ServiceUPN}})
	w.OK(err)
	f.carol.Confirm("/step-up/"+out.CeremonyID).Want(t, 303)
	f.target = stinttest.Read(w, func(r *store.Reader) (string, error) {
		all, err := r.Targets()
		for _, t := range all {
			if t.Name == "Domain" {
				return t.ID, err
			}
		}
		return "", err
	})
	s := pim.SyncDefaults(true)
	s.Base, s.Issuer = staff, w.Provider.Issuer
	s.Groups = []pim.SyncGroup{{Directory: "traders", GroupID: "trade"}}
	out, err = w.Broker.SaveSync(t.Context(), f.actor(), f.target, 0, s)
	w.OK(err)
	f.carol.Confirm("/step-up/"+out.CeremonyID).Want(t, 303)
	f.first()
	ann, bob := f.who("ann@stint.test"), f.who("bob@stint.test")
	if bob.ManagerID != ann.ID || ann.ManagerID != "" || bob.Department != "Trade" || !ann.Enabled {
		t.Errorf("synced: %+v, whose manager is %+v", bob, ann)
	}
	if n := f.members("trade"); n != 1 {
		t.Errorf("%d members, want bob alone", n)
	}
	d.Rename(t, "CN=bob,"+staff, "CN=robert", "")
	d.Delete(t, "CN=ann,"+staff)
	if r := f.run(false); r.State != pim.SyncDone || r.Counts.Missing != 1 || f.who("ann@stint.test").Enabled || f.who("bob@stint.test").ID != bob.ID {
		t.Errorf("ann was deleted and bob renamed: %+v", r)
	}
}
