package web_test

import (
	"net/http"
	"testing"

	"stint/internal/stinttest/harness"
)

// Each statement is a round trip on PostgreSQL: what every page of members comes to ask more shows here.
func TestAPageOfMembersIsFewStatements(t *testing.T) {
	t.Parallel()
	w := stinttest.New(t)
	auditor := w.Person("auditor")
	w.Auditor("auditor")
	w.Administrator("auditor")
	w.Role("dba", stinttest.Rules{NoPasskey: true})
	auditor.SignIn()
	path := "/roles/dba/members"
	auditor.Get(path).Want(t, http.StatusOK) // what roles mean is read once
	before := w.Store.Asked()
	auditor.Get(path).Want(t, http.StatusOK)
	if n := w.Store.Asked() - before; n > 22 {
		t.Errorf("%d statements; 21 were enough when this was written. Raise it only for what every page must read", n)
	}
}
