package web

import "stint/internal/pim"

// NoticesPage is GET /notices.
func (s *Server) NoticesPage(*request) error { return pim.NotFound() }

// ReadNotices is POST /notices/read.
func (s *Server) ReadNotices(*request) error { return pim.NotFound() }
