package web

import (
	"stint/internal/pim"
	"stint/views"
)

func (s *Server) MyRolesPage(*request) error       { return pim.NotFound() }
func (s *Server) SetFavourite(*request) error      { return pim.NotFound() }
func (s *Server) ActivatePage(*request) error      { return pim.NotFound() }
func (s *Server) RequestActivation(*request) error { return pim.NotFound() }
func (s *Server) MyRequestsPage(*request) error    { return pim.NotFound() }
func (s *Server) ActivationPage(*request) error    { return pim.NotFound() }
func (s *Server) Deactivate(*request) error        { return pim.NotFound() }
func (s *Server) CancelActivation(*request) error  { return pim.NotFound() }
func (s *Server) RevokeActivation(*request) error  { return pim.NotFound() }
func (s *Server) ApprovalsPage(*request) error     { return pim.NotFound() }
func (s *Server) DecidedPage(*request) error       { return pim.NotFound() }
func (s *Server) AllPendingPage(*request) error    { return pim.NotFound() }
func (s *Server) ApprovalPage(*request) error      { return pim.NotFound() }
func (s *Server) Decide(*request) error            { return pim.NotFound() }
func (s *Server) StepUpPage(*request) error        { return pim.NotFound() }
func (s *Server) FinishStepUp(*request) error      { return pim.NotFound() }
func (s *Server) PasskeysPage(*request) error      { return pim.NotFound() }
func (s *Server) AddPasskey(*request) error        { return pim.NotFound() }
func (s *Server) RenamePasskey(*request) error     { return pim.NotFound() }
func (s *Server) RemovePasskey(*request) error     { return pim.NotFound() }
func (s *Server) ProfilePage(*request) error       { return pim.NotFound() }
func (s *Server) SaveProfile(*request) error       { return pim.NotFound() }
func (s *Server) passkeys(*request) (views.PasskeysView, error) {
	return views.PasskeysView{}, pim.NotFound()
}
