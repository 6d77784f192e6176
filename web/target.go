package web

import "stint/internal/pim"

// TargetsPage is GET /targets.
func (s *Server) TargetsPage(*request) error { return pim.NotFound() }

// TargetPage is GET /targets/:id.
func (s *Server) TargetPage(*request) error { return pim.NotFound() }

// TestTarget is POST /targets/:id/test.
func (s *Server) TestTarget(*request) error { return pim.NotFound() }
