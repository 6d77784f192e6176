package broker

import (
	"errors"

	"stint/internal/pim"
	"stint/internal/store"
)

func gone(err error) bool {
	var refusal *pim.Refusal
	return errors.Is(err, store.ErrNotFound) || errors.As(err, &refusal) && refusal.Kind == pim.KindNotFound
}

// beginAssignments lets assignments begin whose planned start has come.
func (b *Broker) beginAssignments(tx *store.Tx) (int, error) {
	due, err := tx.AssignmentsToStart(chunk)
	if err != nil {
		return 0, err
	}
	for _, asg := range due {
		if err := tx.BeginAssignment(asg.ID); err != nil {
			return 0, moved(err)
		}
		tx.Emit(pim.AssignmentEvent(pim.EvAssignmentStarted, asg, pim.System))
		if asg.Kind != pim.Active {
			continue
		}
		if err := syncAssignment(tx, asg); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// remindAssignments tells holders and administrators 14 days and 1 day before an end, once each.
func (b *Broker) remindAssignments(tx *store.Tx) (int, error) {
	due, err := tx.AssignmentsToRemind(chunk)
	if err != nil {
		return 0, err
	}
	var ends []pim.Assignment
	for _, asg := range due {
		if err := tx.Reminded(asg.ID, asg.RemindAt(tx.Now)); err != nil {
			return 0, moved(err)
		}
		if asg.StateAt(tx.Now) == pim.AssignmentInForce {
			ends = append(ends, asg)
		}
	}
	if err := tellEnds(tx, ends, false); err != nil {
		return 0, err
	}
	return len(due), remindEndOfAdministration(tx, ends)
}

// timeOutAssignmentRequests ends requests nobody decided in time.
func (b *Broker) timeOutAssignmentRequests(tx *store.Tx) (int, error) {
	due, err := tx.AssignmentRequestsDue(chunk)
	if err != nil {
		return 0, err
	}
	for _, q := range due {
		if err := closeAssignmentRequest(tx, q, pim.AssignmentRequestTimedOut, pim.System); err != nil {
			return 0, err
		}
		what, err := roleAt(tx.Reader, pim.Assignment{RoleID: q.RoleID, ResourceID: q.ResourceID})
		if err != nil {
			return 0, err
		}
		text := "Nobody decided in time about your request to " + string(q.Kind) + " " + what + "."
		if err := notify(tx, text, "/assignment-requests/"+q.ID, q.Asker()); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// endAssignmentRequest closes what waits about an assignment that has ended; a renewal is asked for after an end.
func endAssignmentRequest(tx *store.Tx, asg pim.Assignment) error {
	q, err := tx.OpenAssignmentRequest(asg.PrincipalID, asg.RoleID, asg.ResourceID)
	if err != nil || q == nil || q.AssignmentID != asg.ID {
		return err
	}
	if asg.Expired {
		return closeAssignmentRequest(tx, *q, pim.AssignmentRequestTimedOut, pim.System)
	}
	return closeAssignmentRequest(tx, *q, pim.AssignmentRequestEnded, pim.System)
}
