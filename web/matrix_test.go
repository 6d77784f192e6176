package web_test

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stint/internal/pim"
	"stint/internal/stinttest/faketarget"
	stinttest "stint/internal/stinttest/harness"
	"stint/internal/store"
	"stint/web"
)

// cells are the statuses for one's own thing, another's, and one that does not exist; 401 stands for
// being led to the sign-in. A route about no thing has one cell.
type cells []int

// rights is one row of the matrix: what each actor is answered. The peer may activate the same role as
// the victim, whose things "another's" are; the approver is named for that role. The owner is Resource
// Administrator of Production, where all things are, and the reader is a Security Reader: where a row does not
// name them they have the cells that standIn says.
type rights struct {
	thing string // what the path's parameter names: see things
	form  []string
	want  map[string]cells
}

var actors = []string{"anonymous", "person", "peer", "approver", "auditor", "administrator"}

// more actors, whom a row need not name
var more = []string{"owner", "reader"}

// standIn says whose cells an actor has: a reader reads what an auditor reads; an owner is an administrator on pages
// for those who administer something, and somebody like any other elsewhere.
func standIn(actor string, r web.RouteInfo) string {
	switch {
	case actor == "reader":
		return "auditor"
	case r.Who == "manager" || r.Who == "reader":
		return "administrator"
	}
	return "peer"
}

// cellsOf are what an actor is answered on a route.
func (row rights) cellsOf(actor string, r web.RouteInfo) cells {
	if c, named := row.want[actor]; named {
		return c
	}
	return row.want[standIn(actor, r)]
}

// all gives every actor that is signed in the same cells.
func all(c ...int) map[string]cells {
	m := map[string]cells{"anonymous": repeat(401, len(c))}
	for _, a := range actors[1:] {
		m[a] = c
	}
	return m
}

func repeat(n, times int) cells {
	c := make(cells, times)
	for i := range c {
		c[i] = n
	}
	return c
}

// open is for everybody, signed in or not.
func open(status int) map[string]cells {
	m := all(status)
	m["anonymous"] = cells{status}
	return m
}

// only lets some actors in; for the other ones the route does not exist.
func only(c cells, who ...string) map[string]cells {
	m := all(repeat(404, len(c))...)
	for _, a := range who {
		m[a] = c
	}
	return m
}

// but changes the row for some actors.
func but(m map[string]cells, c cells, who ...string) map[string]cells {
	for _, a := range who {
		m[a] = c
	}
	return m
}

const why = "Because the matrix asks"

var matrix = map[string]rights{
	"GET /":                   {want: open(303)},
	"GET /sign-in":            {want: but(open(303), cells{200}, "anonymous")},
	"GET /sign-in/start":      {want: open(303)},
	"GET /sign-in/callback":   {want: open(403)},
	"POST /sign-in/logout":    {want: open(400)}, // no token
	"POST /sign-out":          {want: all(303)},
	"GET /first-run":          {want: open(303)},
	"GET /healthz":            {want: open(200)},
	"GET /readyz":             {want: open(200)},
	"GET /admin-link/:token":  {thing: "link", want: all(200, 200, 200)}, // it does not look at the link
	"POST /admin-link/:token": {thing: "link", want: all(403, 403, 403)},

	"GET /my-roles":                          {want: all(200)},
	"POST /my-roles/:assignment/favourite":   {thing: "assignment", form: []string{"favourite", "yes"}, want: all(303, 404, 404)},
	"GET /my-roles/:assignment/activate":     {thing: "assignment", want: all(200, 404, 404)},
	"POST /my-roles/:assignment/checks":      {thing: "assignment", form: []string{"duration", "60"}, want: all(200, 404, 404)},
	"POST /my-roles/:assignment/activations": {thing: "assignment", form: []string{"duration", "60", "justification", why}, want: all(303, 404, 404)},
	"GET /my-roles/:assignment/request":      {thing: "ending", want: all(200, 404, 404)},
	"POST /my-roles/:assignment/request":     {thing: "ending", form: []string{"justification", why}, want: all(303, 404, 404)},
	"GET /my-roles/several":                  {want: all(303)}, // nothing is picked: back to the list
	"POST /my-roles/several":                 {want: all(303)},
	"POST /my-roles/deactivations":           {want: all(422)},
	"POST /my-roles/sets":                    {want: all(303)},
	"POST /my-roles/sets/:id/delete":         {thing: "set", want: all(303, 404, 404)},
	"GET /results/:id":                       {thing: "results", want: all(200, 404, 404)},
	"GET /my-requests":                       {want: all(200)},
	"GET /activations/:id":                   {thing: "active", want: but(all(200, 404, 404), cells{200, 200, 404}, "approver", "auditor", "administrator", "owner")},
	"POST /activations/:id/deactivate":       {thing: "active", want: but(all(303, 404, 404), cells{303, 403, 404}, "approver", "auditor", "administrator", "owner")},
	"POST /activations/:id/cancel": {thing: "waiting", form: []string{"justification", why},
		want: but(but(all(303, 404, 404), cells{303, 403, 404}, "approver", "auditor"), cells{303, 303, 404}, "administrator", "owner")},
	"POST /activations/:id/start": {thing: "active", want: but(all(409, 404, 404), cells{409, 403, 404}, "approver", "auditor", "administrator", "owner")}, // it does not wait for a touch
	"GET /activations/:id/extend": {thing: "active", want: but(all(200, 404, 404), cells{200, 403, 404}, "approver", "auditor", "administrator", "owner")},
	"POST /activations/:id/extensions": {thing: "active", form: []string{"duration", "30", "justification", why},
		want: but(but(all(303, 404, 404), cells{303, 403, 404}, "auditor", "administrator", "owner"), cells{403, 403, 404}, "approver")}, // nobody else could approve theirs
	"POST /extensions/:id/cancel":  {thing: "extension", want: but(all(303, 404, 404), cells{303, 403, 404}, "approver", "auditor", "administrator", "owner")},
	"POST /activations/:id/revoke": {thing: "active", form: []string{"justification", why}, want: only(cells{303, 303, 404}, "administrator")},

	// Reviews. Whoever reads a review is no reviewer of it for that; an owner reads one about what they own, and manages those that owners made.
	"GET /reviews":                      {want: all(200)},
	"GET /reviews/running":              {want: only(cells{200}, "auditor", "administrator")},
	"GET /reviews/scheduled":            {want: only(cells{200}, "auditor", "administrator")},
	"GET /reviews/done":                 {want: only(cells{200}, "auditor", "administrator")},
	"GET /reviews/history":              {want: only(cells{200}, "auditor", "administrator")},
	"POST /reviews/history/export":      {form: []string{"format", "csv"}, want: only(cells{200}, "auditor", "administrator")},
	"GET /reviews/new":                  {want: only(cells{200}, "administrator")},
	"POST /reviews/form":                {want: only(cells{200}, "administrator")},
	"POST /reviews/preview":             {want: only(cells{422}, "administrator")},
	"POST /reviews":                     {want: only(cells{422}, "administrator")},
	"GET /reviews/series/:id":           {thing: "series", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"GET /reviews/series/:id/edit":      {thing: "series", want: but(only(cells{200, 200, 404}, "administrator"), cells{404, 404, 404}, "owner")}, // an administrator made it
	"POST /reviews/series/:id":          {thing: "series", want: but(only(cells{409, 409, 404}, "administrator"), cells{404, 404, 404}, "owner")},
	"POST /reviews/series/:id/remove":   {thing: "series", want: but(only(cells{422, 422, 404}, "administrator"), cells{404, 404, 404}, "owner")},
	"GET /reviews/:id":                  {thing: "review", want: but(all(303, 404, 404), cells{200, 200, 404}, "auditor", "administrator", "owner")},
	"GET /reviews/:id/answers":          {thing: "review", want: but(all(200, 404, 404), cells{200, 403, 404}, "auditor", "administrator", "owner")},
	"POST /reviews/:id/answers":         {thing: "review", want: but(all(303, 404, 404), cells{303, 403, 404}, "auditor", "administrator", "owner")},
	"POST /reviews/:id/recommendations": {thing: "review", want: but(all(303, 404, 404), cells{303, 403, 404}, "auditor", "administrator", "owner")},
	"POST /reviews/:id/hand-over":       {thing: "review", form: []string{"find", "yes"}, want: but(all(200, 404, 404), cells{200, 403, 404}, "auditor", "administrator", "owner")},
	"GET /reviews/:id/results":          {thing: "review", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"GET /reviews/:id/items/:item":      {thing: "review item", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"POST /reviews/:id/export":          {thing: "review", form: []string{"format", "json"}, want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"POST /reviews/:id/change":          {thing: "review", want: only(cells{422, 422, 404}, "administrator")},
	"POST /reviews/:id/stop":            {thing: "review", form: []string{"sure", "yes"}, want: but(only(cells{409, 409, 404}, "administrator"), cells{403, 403, 404}, "owner")}, // without the version
	"POST /reviews/:id/reset":           {thing: "review", form: []string{"sure", "yes"}, want: but(only(cells{409, 409, 404}, "administrator"), cells{403, 403, 404}, "owner")},
	"POST /reviews/:id/remind":          {thing: "review", want: but(only(cells{409, 409, 404}, "administrator"), cells{403, 403, 404}, "owner")},
	"POST /reviews/:id/reviewers":       {thing: "review", want: only(cells{422, 422, 404}, "administrator")},
	"POST /reviews/:id/apply":           {thing: "review", want: but(only(cells{409, 409, 404}, "administrator"), cells{403, 403, 404}, "owner")},
	"POST /reviews/:id/delete":          {thing: "review", want: but(only(cells{422, 422, 404}, "administrator"), cells{403, 403, 404}, "owner")},

	"GET /approvals":                {want: only(cells{200}, "approver", "administrator")},
	"GET /approvals/decided":        {want: only(cells{200}, "approver", "administrator")},
	"GET /approvals/all":            {want: only(cells{200}, "administrator")},
	"GET /approvals/several":        {want: only(cells{303}, "approver", "administrator")},
	"POST /approvals/several":       {want: only(cells{303}, "approver", "administrator")},
	"GET /approvals/extensions/:id": {thing: "extension", want: but(all(200, 404, 404), cells{200, 200, 404}, "approver", "auditor", "administrator", "owner")},
	"POST /approvals/extensions/:id/decision": {thing: "extension", form: []string{"decision", "approve", "justification", why},
		want: but(but(all(403, 404, 404), cells{403, 303, 404}, "approver"), cells{403, 403, 404}, "auditor", "administrator", "owner")},
	"GET /approvals/:id": {thing: "waiting", want: but(all(200, 404, 404), cells{200, 200, 404}, "approver", "auditor", "administrator", "owner")},
	"POST /approvals/:id/decision": {thing: "waiting", form: []string{"decision", "approve", "justification", why},
		want: but(but(all(403, 404, 404), cells{403, 303, 404}, "approver"), cells{403, 403, 404}, "auditor", "administrator", "owner")},

	"GET /step-up/:id":           {thing: "step-up", want: all(200, 404, 404)},
	"GET /step-up/:id/provider":  {thing: "step-up", want: all(404, 404, 404)},
	"POST /step-up/:id":          {thing: "step-up", form: []string{"response", "{}"}, want: all(403, 404, 404)},
	"GET /passkeys":              {want: all(200)},
	"POST /passkeys/new":         {form: []string{"name", "Another"}, want: all(303)},
	"POST /passkeys/:id/name":    {thing: "passkey", form: []string{"name", "Renamed"}, want: all(303, 404, 404)},
	"POST /passkeys/:id/remove":  {thing: "passkey", want: all(403, 404, 404)}, // an only passkey stays
	"GET /profile":               {want: all(200)},
	"POST /profile":              {form: []string{"zone", "UTC", "theme", ""}, want: all(303)},
	"GET /sessions":              {want: all(200)},
	"POST /sessions/end":         {want: all(303)},
	"POST /sessions/:handle/end": {thing: "session", want: all(303, 404, 404)},
	"GET /notices":               {want: all(200)},
	"POST /notices/read":         {want: all(303)},

	"GET /shell":                  {want: all(200)},
	"GET /events":                 {want: all(200)},
	"GET /events/approvals":       {want: only(cells{200}, "administrator")},
	"GET /events/activations/:id": {thing: "active", want: but(all(200, 404, 404), cells{200, 200, 404}, "approver", "auditor", "administrator", "owner")},
	"GET /events/targets/:id":     {thing: "target", want: only(cells{200, 200, 404}, "auditor", "administrator")},

	"GET /assignments":                       {want: only(cells{200}, "auditor", "administrator")},
	"POST /assignments/export":               {want: only(cells{200}, "auditor", "administrator")},
	"GET /assignments/new":                   {want: only(cells{200}, "administrator")},
	"POST /assignments/checks":               {form: []string{"role", "dba", "resource", stinttest.Production, "kind", "eligible"}, want: only(cells{200}, "administrator")},
	"POST /assignments":                      {form: []string{"role", "dba", "resource", stinttest.Production, "kind", "eligible"}, want: only(cells{422}, "administrator")}, // nobody is ticked
	"GET /assignments/same":                  {want: only(cells{200}, "administrator")},
	"POST /assignments/same":                 {form: []string{"principal", "victim", "like", "peer"}, want: only(cells{422}, "administrator")}, // nothing is ticked
	"GET /assignments/several":               {want: only(cells{303}, "administrator")},                                                        // nothing is picked: back to the list
	"POST /assignments/several/end":          {want: only(cells{303}, "administrator")},
	"POST /assignments/several/remove":       {want: only(cells{303}, "administrator")},
	"GET /assignments/:id":                   {thing: "ending", want: but(all(200, 404, 404), cells{200, 200, 404}, "auditor", "administrator", "owner")},
	"POST /assignments/:id/change":           {thing: "ending", form: []string{"version", "1", "kind", "eligible", "end", "longest"}, want: only(cells{303, 303, 404}, "administrator")},
	"POST /assignments/:id/renew":            {thing: "ending", form: []string{"version", "1", "kind", "eligible", "end", "longest"}, want: only(cells{409, 409, 404}, "administrator")}, // it has not ended
	"POST /assignments/:id/remove":           {thing: "ending", want: only(cells{303, 303, 404}, "administrator")},
	"GET /assignment-requests":               {want: only(cells{200}, "administrator")},
	"GET /assignment-requests/:id":           {thing: "asked", want: but(all(200, 404, 404), cells{200, 200, 404}, "auditor", "administrator", "owner")},
	"POST /assignment-requests/:id/decision": {thing: "asked", form: []string{"decision", "deny", "justification", why}, want: only(cells{403, 303, 404}, "administrator")},
	"POST /assignment-requests/:id/cancel":   {thing: "asked", want: all(303, 404, 404)},
	"GET /roles/:id/members":                 {thing: "role", want: but(only(cells{200, 200, 404}, "auditor", "administrator"), cells{404, 404, 404}, "owner")},
	"POST /roles/:id/members/export":         {thing: "role", want: only(cells{200, 200, 200}, "auditor", "administrator")},
	"GET /people/:id/roles":                  {thing: "person", want: only(cells{200, 200, 404}, "auditor", "administrator")},

	"GET /people":                                   {want: only(cells{200}, "auditor", "administrator")},
	"GET /people/:id":                               {thing: "person", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"GET /people/:id/access":                        {thing: "person", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"GET /people/:id/accounts/new":                  {thing: "person", want: only(cells{200, 200, 404}, "administrator")},
	"POST /people/:id/accounts":                     {thing: "person", form: []string{"target", "none", "account", "x"}, want: only(cells{422, 422, 404}, "administrator")},
	"POST /people/:id/accounts/:account/confirm":    {thing: "account", want: only(cells{303, 303, 404}, "administrator")},
	"POST /people/:id/accounts/:account/drop":       {thing: "account", want: only(cells{303, 303, 404}, "administrator")},
	"POST /people/:id/voucher":                      {thing: "person", want: only(cells{303, 303, 404}, "administrator")},
	"POST /people/:id/disable":                      {thing: "person", want: only(cells{409, 303, 404}, "administrator")},
	"POST /people/:id/enable":                       {thing: "person", want: only(cells{303, 303, 404}, "administrator")},
	"POST /people/:id/end-sessions":                 {thing: "person", want: only(cells{303, 303, 404}, "administrator")},
	"GET /resources":                                {want: only(cells{200}, "auditor", "administrator")},
	"GET /resources/new":                            {want: but(only(cells{200}, "administrator"), cells{404}, "owner")}, // at the top, which no owner administers
	"POST /resources":                               {form: []string{"kind", "group", "name", "Of the matrix"}, want: but(only(cells{303}, "administrator"), cells{404}, "owner")},
	"GET /resources/:id":                            {thing: "resource", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"POST /resources/:id":                           {thing: "resource", form: []string{"kind", "group", "name", "Renamed by the matrix"}, want: only(cells{303, 303, 404}, "administrator")},
	"GET /resources/:id/edit":                       {thing: "resource", want: only(cells{200, 200, 404}, "administrator")},
	"GET /resources/:id/move":                       {thing: "resource", want: only(cells{200, 200, 404}, "administrator")},
	"POST /resources/:id/move":                      {thing: "resource", form: []string{"to", stinttest.Production}, want: only(cells{303, 303, 404}, "administrator")},
	"GET /resources/:id/retire":                     {thing: "resource", want: only(cells{200, 200, 404}, "administrator")},
	"POST /resources/:id/retire":                    {thing: "resource", want: only(cells{422, 422, 404}, "administrator")}, // its name is not typed
	"GET /workloads":                                {want: only(cells{200}, "auditor", "administrator")},
	"POST /workloads":                               {form: []string{"name", ""}, want: only(cells{422}, "administrator")},
	"GET /workloads/new":                            {want: only(cells{200}, "administrator")},
	"GET /workloads/:id":                            {thing: "workload", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"GET /workloads/:id/edit":                       {thing: "workload", want: only(cells{200, 200, 404}, "administrator")},
	"POST /workloads/:id/edit":                      {thing: "workload", form: []string{"name", ""}, want: only(cells{422, 422, 404}, "administrator")},
	"GET /workloads/:id/remove":                     {thing: "workload", want: only(cells{200, 200, 404}, "administrator")},
	"POST /workloads/:id/remove":                    {thing: "workload", form: []string{"version", "1"}, want: only(cells{303, 303, 404}, "administrator")},
	"POST /workloads/:id/disable":                   {thing: "workload", form: []string{"version", "1"}, want: only(cells{303, 303, 404}, "administrator")},
	"POST /workloads/:id/enable":                    {thing: "workload", form: []string{"version", "1"}, want: only(cells{409, 409, 404}, "administrator")}, // it is
	"GET /workloads/:id/accounts/new":               {thing: "workload", want: only(cells{200, 200, 404}, "administrator")},
	"POST /workloads/:id/accounts":                  {thing: "workload", form: []string{"target", "none", "account", "x"}, want: only(cells{422, 422, 404}, "administrator")},
	"POST /workloads/:id/accounts/:account/confirm": {thing: "account of a workload", want: only(cells{303, 303, 404}, "administrator")},
	"POST /workloads/:id/accounts/:account/drop":    {thing: "account of a workload", want: only(cells{303, 303, 404}, "administrator")},
	"GET /groups":                                   {want: only(cells{200}, "auditor", "administrator")},
	"POST /groups":                                  {form: []string{"name", ""}, want: only(cells{422}, "administrator")},
	"GET /groups/new":                               {want: only(cells{200}, "administrator")},
	"GET /groups/:id":                               {thing: "group", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"POST /groups/:id":                              {thing: "group", form: []string{"name", ""}, want: only(cells{422, 422, 404}, "administrator")},
	"GET /groups/:id/remove":                        {thing: "group", want: only(cells{200, 200, 404}, "administrator")},
	"POST /groups/:id/remove":                       {thing: "group", form: []string{"version", "1"}, want: only(cells{303, 303, 404}, "administrator")},
	"GET /groups/:id/members/new":                   {thing: "group", want: only(cells{200, 200, 404}, "administrator")},
	"POST /groups/:id/members":                      {thing: "group", form: []string{"pick", "auditor"}, want: only(cells{303, 303, 404}, "administrator")},
	"POST /groups/:id/members/:member/remove":       {thing: "member", want: only(cells{303, 303, 404}, "administrator")},
	"GET /roles":                                    {want: only(cells{200}, "auditor", "administrator")},
	"POST /roles":                                   {form: []string{"name", "A role"}, want: only(cells{303}, "administrator")},
	"GET /roles/new":                                {want: only(cells{200}, "administrator")},
	"GET /roles/:id":                                {thing: "role", want: but(only(cells{200, 200, 404}, "auditor", "administrator"), cells{404, 404, 404}, "owner")},
	"POST /roles/:id":                               {thing: "role", form: []string{"name", "Renamed", "version", "1", "twice", "yes"}, want: only(cells{303, 303, 404}, "administrator")},
	"GET /roles/:id/edit":                           {thing: "role", want: only(cells{200, 200, 404}, "administrator")},
	"POST /roles/:id/retire":                        {thing: "role", form: []string{"version", "1"}, want: only(cells{303, 303, 404}, "administrator")},
	"GET /roles/:id/meaning":                        {thing: "role", want: but(only(cells{200, 200, 404}, "auditor", "administrator"), cells{404, 404, 404}, "owner")},
	"GET /roles/:id/history":                        {thing: "role", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"GET /targets":                                  {want: only(cells{200}, "auditor", "administrator")},
	"GET /targets/new":                              {want: only(cells{200}, "administrator")},
	"POST /targets":                                 {form: []string{"kind", "castle"}, want: only(cells{422}, "administrator")},
	"POST /targets/:id":                             {thing: "target", form: []string{"name", "Directory", "may_write", "*", "do", "save"}, want: only(cells{303, 303, 404}, "administrator")},
	"GET /targets/:id/edit":                         {thing: "target", want: only(cells{200, 200, 404}, "administrator")},
	"GET /targets/:id/retire":                       {thing: "target", want: only(cells{200, 200, 404}, "administrator")},
	"POST /targets/:id/retire":                      {thing: "target", want: only(cells{409, 409, 404}, "administrator")}, // something belongs to it
	"GET /targets/:id/browse":                       {thing: "target", want: only(cells{200, 200, 404}, "administrator")},
	"POST /targets/:id/browse":                      {thing: "target", want: only(cells{422, 422, 404}, "administrator")}, // nothing is picked
	"GET /targets/:id/grants/:grant/gone":           {thing: "gone", want: only(cells{200, 200, 404}, "administrator")},
	"POST /targets/:id/grants/:grant/gone":          {thing: "gone", want: only(cells{422, 422, 404}, "administrator")}, // no reason is given
	"GET /targets/:id":                              {thing: "target", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"POST /targets/:id/test":                        {thing: "target", want: only(cells{200, 200, 404}, "administrator")},
	"GET /sync":                                     {want: only(cells{200}, "auditor", "administrator")},
	"GET /sync/:id":                                 {thing: "synced", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"POST /sync/:id":                                {thing: "synced", form: []string{"every", "6", "share", "10"}, want: only(cells{422, 422, 404}, "administrator")}, // it says nothing
	"POST /sync/:id/preview":                        {thing: "synced", want: only(cells{303, 303, 404}, "administrator")},
	"POST /sync/:id/run":                            {thing: "synced", want: only(cells{409, 409, 404}, "administrator")},                               // it was not previewed
	"POST /sync/:id/confirm":                        {thing: "synced", form: []string{"run", "run"}, want: only(cells{404, 404, 404}, "administrator")}, // there is no such run
	"POST /sync/:id/remove":                         {thing: "synced", want: only(cells{303, 303, 404}, "administrator")},
	"GET /sync/:id/runs/:run":                       {thing: "synced", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"POST /targets/:id/scan":                        {thing: "target", want: only(cells{303, 303, 404}, "administrator")},
	"POST /people":                                  {form: []string{"name", ""}, want: only(cells{422}, "administrator")},
	"GET /people/new":                               {want: only(cells{200}, "administrator")},
	"GET /people/:id/edit":                          {thing: "person", want: only(cells{409, 409, 404}, "administrator")}, // they come from the file
	"POST /people/:id/edit":                         {thing: "person", form: []string{"name", ""}, want: only(cells{409, 409, 404}, "administrator")},
	"GET /people/:id/remove":                        {thing: "person", want: only(cells{200, 200, 404}, "administrator")},
	"POST /people/:id/remove":                       {thing: "person", form: []string{"version", "999"}, want: only(cells{409, 409, 404}, "administrator")}, // of an older page
	"GET /people/:id/activations":                   {thing: "person", want: only(cells{200, 200, 404}, "auditor", "administrator")},
	"GET /people/:id/link":                          {thing: "person", want: only(cells{200, 200, 404}, "administrator")},
	"POST /people/:id/link":                         {thing: "person", form: []string{"other", "peer"}, want: only(cells{303, 303, 404}, "administrator")},
	"POST /people/:id/unlink":                       {thing: "person", want: only(cells{409, 409, 404}, "administrator")}, // linked with nobody
	"GET /people/:id/recovery":                      {thing: "person", want: only(cells{200, 200, 404}, "administrator")},
	"POST /people/:id/recovery":                     {thing: "person", form: []string{"reason", why}, want: only(cells{403, 303, 404}, "administrator")}, // not for oneself
	"POST /people/:id/recovery/:recovery/confirm":   {thing: "recovery", want: only(cells{403, 409, 404}, "administrator")},
	"POST /people/:id/recovery/:recovery/cancel":    {thing: "recovery", want: only(cells{409, 409, 404}, "administrator")},
	"GET /roles/:id/settings":                       {thing: "role", want: but(only(cells{200, 200, 404}, "auditor", "administrator"), cells{404, 404, 404}, "owner")},
	"POST /roles/:id/settings":                      {thing: "role", form: []string{"own_ticket", "yes", "ticket", "yes", "version", "0", "do", "save"}, want: but(only(cells{303, 303, 404}, "administrator"), cells{404, 404, 404}, "owner")},
	"GET /roles/:id/settings/history":               {thing: "role", want: but(only(cells{200, 200, 404}, "auditor", "administrator"), cells{404, 404, 404}, "owner")},
	"POST /roles/:id/settings/restore":              {thing: "role", form: []string{"version", "7"}, want: only(cells{404, 404, 404})},

	"GET /audit":                      {want: all(200)},                                  // everybody reads their own
	"POST /audit/export":              {form: []string{"format", "csv"}, want: all(200)}, // of what each may read
	"GET /audit/exports":              {want: all(200)},
	"POST /audit/searches":            {form: []string{"name", "Done", "result", "ok"}, want: all(303)},
	"POST /audit/searches/:id/delete": {thing: "search", want: all(303, 404, 404)},
	"GET /audit/suggestions":          {want: all(200)},
	"GET /audit/:seq/row":             {thing: "entry", want: but(all(303, 404, 404), cells{303, 303, 404}, "approver", "auditor", "administrator", "owner")},
	"GET /audit/:seq":                 {thing: "entry", want: but(all(200, 404, 404), cells{200, 200, 404}, "approver", "auditor", "administrator", "owner")}, // an approver reads what belongs to requests they decide
	"GET /audit/story/:id":            {thing: "active", want: but(all(200, 404, 404), cells{200, 200, 404}, "approver", "auditor", "administrator", "owner")},
	"GET /audit/:seq/proof":           {thing: "signed entry", want: but(all(200, 404, 404), cells{200, 200, 404}, "approver", "auditor", "administrator", "owner")},
	"GET /log/checkpoint":             {want: only(cells{200}, "auditor", "administrator")},
	"GET /log/tile/*":                 {thing: "tile", want: only(cells{200, 200, 404}, "auditor", "administrator")},
}

// stage is the World of the matrix: its actors and a victim.
type stage struct {
	*stinttest.World
	people map[string]*stinttest.Person
	made   int
}

func newStage(t *testing.T) *stage {
	w := stinttest.New(t)
	s := &stage{World: w, people: map[string]*stinttest.Person{}}
	for _, id := range slices.Concat([]string{"victim", "second"}, actors[1:], more) {
		s.people[id] = w.Person(id)
	}
	w.Administrator("administrator")
	w.Administrator("second") // so that the administrator is not the last one; nobody disables themselves
	w.Auditor("auditor")
	w.Owner("owner", stinttest.Production)
	w.SecurityReader("reader")
	w.Role("dba", stinttest.Rules{Approvers: []string{"approver", "second"}})
	for _, p := range s.people {
		w.Eligible(p.ID, "dba", time.Time{})
		p.Ready()
	}
	s.people["anonymous"] = &stinttest.Person{World: w, Client: w.Client(), ID: "anonymous"}
	return s
}

// things make one more of a kind for somebody and return what stands in the path for it.
var things = map[string]func(*stage, *stinttest.Person) []string{
	"link":       func(s *stage, p *stinttest.Person) []string { return []string{"not-a-link-" + p.ID} },
	"assignment": func(s *stage, p *stinttest.Person) []string { return []string{p.ID + "-dba"} },
	"ending":     func(s *stage, p *stinttest.Person) []string { return []string{s.ending(p)} },
	"asked": func(s *stage, p *stinttest.Person) []string {
		id := s.ending(p)
		s.Do(func(tx *store.Tx) error {
			a, err := tx.Assignment(id)
			if err != nil {
				return err
			}
			return tx.InsertAssignmentRequest(pim.AssignmentRequest{ID: "asked-" + id, AssignmentID: id, PrincipalID: p.ID, PersonID: p.ID, RoleID: a.RoleID, ResourceID: a.ResourceID,
				Kind: pim.ExtendAssignment, State: pim.AssignmentRequestPending, Justification: why, RequestedAt: tx.Now, TimesOutAt: a.EndsAt})
		})
		return []string{"asked-" + id}
	},
	"active":  func(s *stage, p *stinttest.Person) []string { return []string{s.activation(p, pim.ActiveConfirmed)} },
	"waiting": func(s *stage, p *stinttest.Person) []string { return []string{s.activation(p, pim.PendingApproval)} },
	"extension": func(s *stage, p *stinttest.Person) []string {
		id := s.activation(p, pim.ActiveConfirmed)
		s.Do(func(tx *store.Tx) error {
			return tx.InsertExtension(pim.Extension{ID: "of-" + id, ActivationID: id, PrincipalID: p.ID, PersonID: p.ID, State: pim.ExtensionPending, Duration: time.Hour,
				Justification: why, RequestedAt: tx.Now, TimesOutAt: tx.Now.Add(time.Hour), StartsAt: tx.Now, FromEnd: tx.Now.Add(time.Hour), EndsAt: tx.Now.Add(2 * time.Hour),
				MaxTotal: 2 * time.Hour})
		})
		return []string{"of-" + id}
	},
	"review": func(s *stage, p *stinttest.Person) []string { return []string{s.review(p)} },
	"series": func(s *stage, p *stinttest.Person) []string { return []string{"series-" + s.review(p)} },
	"review item": func(s *stage, p *stinttest.Person) []string {
		id := s.review(p)
		return []string{id, "auditor-in-" + id}
	},
	"passkey": func(s *stage, p *stinttest.Person) []string {
		keys := stinttest.Read(s.World, func(r *store.Reader) ([]pim.Credential, error) { return r.CredentialsOf(p.ID) })
		return []string{keys[0].ID}
	},
	"step-up": func(s *stage, p *stinttest.Person) []string {
		page := p.Post("/passkeys/new", "name", "Another").Want(s, http.StatusSeeOther)
		return []string{strings.TrimPrefix(page.Location(), "/step-up/")}
	},
	"set": func(s *stage, p *stinttest.Person) []string {
		s.made++
		id := "set-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			return tx.SaveSet(pim.Set{ID: id, PrincipalID: p.ID, Name: id, Items: []pim.SetItem{{RoleID: "dba", ResourceID: stinttest.Production, Duration: time.Hour}}})
		})
		return []string{id}
	},
	"search": func(s *stage, p *stinttest.Person) []string {
		s.made++
		id := "search-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			return tx.SaveAuditSearch(pim.AuditSearch{ID: id, PrincipalID: p.ID, Name: id, Filters: "result=ok"})
		})
		return []string{id}
	},
	"results": func(s *stage, p *stinttest.Person) []string {
		s.made++
		id := "results-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			return tx.InsertResults(store.Results{ID: id, PrincipalID: p.ID, Kind: "activate"})
		})
		return []string{id}
	},
	"session": func(s *stage, p *stinttest.Person) []string { // another one of theirs
		s.made++
		id := "session-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			return tx.InsertSession(store.SessionRow{ID: id, Handle: "handle-" + id, PrincipalID: p.ID, Data: "{}", ExpiresAt: tx.Now.Add(time.Hour)})
		})
		return []string{"handle-" + id}
	},
	"group":    func(s *stage, p *stinttest.Person) []string { return []string{s.group(p)} },
	"member":   func(s *stage, p *stinttest.Person) []string { return []string{s.group(s.people["auditor"]), "auditor"} }, // an event about the victim would be news to those who follow their stories
	"workload": func(s *stage, p *stinttest.Person) []string { return []string{s.workload(p)} },
	"account of a workload": func(s *stage, p *stinttest.Person) []string {
		id := s.workload(p)
		s.Do(func(tx *store.Tx) error {
			return tx.InsertAccount(pim.Account{ID: "account-of-" + id, PrincipalID: id, TargetID: stinttest.Directory, Name: id, ExternalID: "entry-of-" + id, Source: pim.SourceSignIn})
		})
		return []string{id, "account-of-" + id}
	},
	"person":   func(s *stage, p *stinttest.Person) []string { return []string{p.ID} },
	"recovery": func(s *stage, p *stinttest.Person) []string { return []string{p.ID, "recovery"} },
	"account":  func(s *stage, p *stinttest.Person) []string { return []string{p.ID, "account-of-" + p.ID} },
	"resource": func(s *stage, p *stinttest.Person) []string {
		s.made++
		id := "resource-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			if err := tx.InsertResource(pim.Resource{ID: "above-" + id, ParentID: stinttest.Production, Kind: "group", Name: "Above " + id, Source: pim.SourceBrowser}); err != nil {
				return err
			}
			return tx.InsertResource(pim.Resource{ID: id, ParentID: "above-" + id, Kind: "group", Name: "Resource " + id, Source: pim.SourceBrowser})
		})
		return []string{id}
	},
	"role": func(s *stage, p *stinttest.Person) []string { // nobody's own
		s.made++
		id := "unused-role-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			return tx.InsertRole(pim.RoleDefinition{ID: id, Name: id, Source: pim.SourceBrowser})
		})
		return []string{id}
	},
	"synced": func(s *stage, p *stinttest.Person) []string {
		s.made++
		id := "directory-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			t := pim.Target{ID: id, Kind: faketarget.Kind, Name: "Directory " + id, Settings: s.Target.Settings(), MayWrite: []string{"*"}, Source: pim.SourceBrowser}
			return errors.Join(tx.InsertTarget(store.TargetRow{Target: t}), tx.SaveSync(store.Sync{TargetID: id, Salt: "salt", Settings: pim.SyncDefaults(false)}),
				tx.InsertSyncRun(store.SyncRun{ID: "run-of-" + id, TargetID: id, AskedBy: pim.System, State: pim.SyncDone}))
		})
		return []string{id, "run-of-" + id}
	},
	"target": func(s *stage, p *stinttest.Person) []string { return []string{stinttest.Directory} },
	"gone": func(s *stage, p *stinttest.Person) []string { // held once, over, and not visible any more
		s.made++
		id := "gone-" + strconv.Itoa(s.made)
		s.Do(func(tx *store.Tx) error {
			g := store.GrantRow{Grant: pim.Grant{ID: id, TargetID: stinttest.Directory, AccountID: string(p.Account), EntitlementID: id, Before: pim.Absent, Seen: pim.Unseen}}
			return tx.InsertGrant(g)
		})
		return []string{stinttest.Directory, id}
	},
	"signed entry": func(s *stage, p *stinttest.Person) []string {
		s.Sign()
		return s.entry(p)
	},
	"tile": func(s *stage, _ *stinttest.Person) []string {
		s.Sign()
		return []string{"entries/000.p/1"}
	},
	"entry": (*stage).entry,
}

// entry is the first thing somebody asked for, as an entry of the log.
func (s *stage) entry(p *stinttest.Person) []string {
	mine := stinttest.Read(s.World, func(r *store.Reader) ([]store.EntryRow, error) {
		return r.Entries(store.EntryFilter{Person: p.ID, Type: string(pim.EvActRequested), Limit: 1})
	})
	return []string{strconv.FormatInt(mine[0].Seq, 10)}
}

// workload makes a workload that somebody answers for.
func (s *stage) workload(p *stinttest.Person) string {
	s.made++
	id := "workload-" + strconv.Itoa(s.made)
	s.Do(func(tx *store.Tx) error {
		return tx.InsertPrincipal(pim.Principal{ID: id, Kind: pim.Workload, Name: id, OwnerID: p.ID, Enabled: true, Source: pim.SourceBrowser})
	})
	return id
}

// group makes a group with one member that nothing rests on.
func (s *stage) group(p *stinttest.Person) string {
	s.made++
	id := "group-" + strconv.Itoa(s.made)
	s.Group(id, p.ID)
	return id
}

// ending is an assignment of a new role that ends in a week.
func (s *stage) ending(p *stinttest.Person) string {
	s.made++
	n := strconv.Itoa(s.made)
	s.Do(func(tx *store.Tx) error {
		if err := tx.InsertRole(pim.RoleDefinition{ID: "role-" + n, Key: "role-" + n, Name: "Role " + n, Source: pim.SourceFile}); err != nil {
			return err
		}
		return tx.InsertAssignment(pim.Assignment{ID: "assignment-" + n, PrincipalID: p.ID, RoleID: "role-" + n, ResourceID: stinttest.Production, Kind: pim.Eligible,
			StartsAt: tx.Now, EndsAt: tx.Now.Add(7 * 24 * time.Hour), Source: pim.SourceFile})
	})
	return "assignment-" + n
}

// activation puts an activation of a new role into a state, with the audit entry that begins its story.
func (s *stage) activation(p *stinttest.Person, state pim.ActivationState) string {
	s.made++
	n := strconv.Itoa(s.made)
	s.Do(func(tx *store.Tx) error {
		yes := true
		role := pim.RoleDefinition{ID: "role-" + n, Key: "role-" + n, Name: "Role " + n, Source: pim.SourceFile}
		if err := tx.InsertRole(role); err != nil {
			return err
		}
		if err := tx.SaveSettings(pim.RoleSettings{RoleID: role.ID, Approval: &yes, Approvers: []string{"approver"}, Source: pim.SourceFile}); err != nil {
			return err
		}
		asg := pim.Assignment{ID: "assignment-" + n, PrincipalID: p.ID, RoleID: role.ID, ResourceID: stinttest.Production, Kind: pim.Eligible, StartsAt: tx.Now, Source: pim.SourceFile}
		if err := tx.InsertAssignment(asg); err != nil {
			return err
		}
		a := pim.Activation{ID: "activation-" + n, AssignmentID: asg.ID, PrincipalID: p.ID, PersonID: p.ID, RoleID: role.ID, ResourceID: stinttest.Production, State: state,
			Duration: time.Hour, Justification: why, RequestedAt: tx.Now, Settings: pim.Effective{Settings: pim.DefaultSettings()}}
		if state.Holds() {
			a.StartsAt, a.EndsAt, a.ConfirmedAt = tx.Now, tx.Now.Add(time.Hour), tx.Now
		}
		if err := tx.InsertActivation(a); err != nil {
			return err
		}
		tx.Emit(pim.ActivationRequested(a))
		return tx.InsertStage(pim.ApprovalStage{ActivationID: a.ID, Number: 1, Quorum: 1, OpenedAt: tx.Now, TimesOutAt: tx.Now.Add(time.Hour)})
	})
	return "activation-" + n
}

// T33: every route × every actor × own, another's and absent; a route without a row fails, and so does a
// row without a route. Absent and another's are told apart by nothing when the actor may see neither.
// activating and approving need no role of Stint.
func TestRightsMatrix(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, r := range web.Routes() {
		name := r.Method + " " + r.Path
		rows[name] = true
		if _, ok := matrix[name]; !ok {
			t.Errorf("%s has no row: say who may", name)
		}
	}
	for some := range slices.Chunk(slices.Concat(actors, more), 4) { // at once, each some on a stage of their own
		t.Run(strings.Join(some, ","), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			for _, r := range web.Routes() {
				if row, ok := matrix[r.Method+" "+r.Path]; ok {
					for _, actor := range some {
						s.check(t, r, row, actor)
					}
				}
			}
		})
	}
	for name := range matrix {
		if !rows[name] {
			t.Errorf("%s has a row but no route", name)
		}
	}
}

// review is one more in which somebody answers about another's access.
func (s *stage) review(p *stinttest.Person) string {
	s.made++
	id := "review-" + strconv.Itoa(s.made)
	seat(s.World, id, p.ID, false, "auditor")
	return id
}

func (s *stage) check(t *testing.T, r web.RouteInfo, row rights, actor string) {
	t.Helper()
	who := s.people[actor]
	var hidden []string
	for i, want := range row.cellsOf(actor, r) {
		page := s.probe(who, r, row, []string{"own", "another's", "absent"}[i])
		got := page.StatusCode
		if toSignIn(page) {
			got = 401
		}
		if got != want {
			t.Errorf("%s as %s, %s: %d, want %d: %s", r.Method+" "+r.Path, actor, []string{"own", "another's", "absent"}[i], got, want, page.Text("main h1"))
		}
		if got == 404 {
			hidden = append(hidden, page.Text("main h1")+page.Text("main p"))
		}
		if r.Path == "/sign-out" && actor != "anonymous" {
			who.SignIn()
		}
	}
	for _, h := range hidden {
		if h != hidden[0] {
			t.Errorf("%s as %s: what is hidden and what is absent read differently: %q, %q", r.Path, actor, hidden[0], h)
		}
	}
}

func (s *stage) probe(who *stinttest.Person, r web.RouteInfo, row rights, whose string) *stinttest.Page {
	path := r.Path
	if row.thing != "" {
		owner := who
		if whose == "another's" || who.ID == "anonymous" {
			owner = s.people["victim"]
		}
		ids := []string{"absent", "absent"}
		if whose != "absent" {
			ids = things[row.thing](s, owner)
		} else if strings.HasSuffix(row.thing, "entry") {
			ids = []string{"999999"}
		}
		path = fillWith(path, ids)
	}
	if r.Method == http.MethodPost {
		return who.Post(path, row.form...)
	}
	return look(who.Client, path)
}

// look asks for a page; of a stream only whether it would open, for it does not end.
func look(c *stinttest.Client, path string) *stinttest.Page {
	if strings.HasPrefix(path, "/events") {
		return c.Do(http.MethodHead, path, nil)
	}
	return c.Get(path)
}

func fillWith(path string, ids []string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ":") || p == "*" {
			parts[i], ids = ids[0], ids[1:]
		}
	}
	return strings.Join(parts, "/")
}
