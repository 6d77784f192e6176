package web

import "stint/internal/pim"

// AuditPage is GET /audit.
func (s *Server) AuditPage(*request) error { return pim.NotFound() }

// EntryPage is GET /audit/:seq.
func (s *Server) EntryPage(*request) error { return pim.NotFound() }

// StoryPage is GET /audit/story/:id.
func (s *Server) StoryPage(*request) error { return pim.NotFound() }
