package web

import "stint/internal/pim"

// PeoplePage is GET /people.
func (s *Server) PeoplePage(*request) error { return pim.NotFound() }

// PersonPage is GET /people/:id.
func (s *Server) PersonPage(*request) error { return pim.NotFound() }

// ConfirmAccount is POST /people/:id/accounts/:account/confirm.
func (s *Server) ConfirmAccount(*request) error { return pim.NotFound() }

// IssueVoucher is POST /people/:id/voucher.
func (s *Server) IssueVoucher(*request) error { return pim.NotFound() }

// DisablePerson is POST /people/:id/disable.
func (s *Server) DisablePerson(*request) error { return pim.NotFound() }

// EnablePerson is POST /people/:id/enable.
func (s *Server) EnablePerson(*request) error { return pim.NotFound() }

// EndSessions is POST /people/:id/end-sessions.
func (s *Server) EndSessions(*request) error { return pim.NotFound() }
