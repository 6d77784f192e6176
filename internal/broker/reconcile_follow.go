package broker

import (
	"stint/internal/connector"
	"stint/internal/pim"
	"stint/internal/store"
)

// follow lets activations follow from what was seen: confirmed, failed, lost, or settled.
func (b *Broker) follow(tx *store.Tx, g store.GrantRow, o observation) error {
	needs, err := tx.OpenNeeds(g.ID)
	if err != nil {
		return err
	}
	for _, n := range needs {
		if n.ActivationID == "" || !n.NeededAt(tx.Now) {
			continue
		}
		a, err := tx.Activation(n.ActivationID)
		if err != nil {
			return err
		}
		if err := b.followOne(tx, a, g, o); err != nil {
			return err
		}
	}
	if g, err = tx.Grant(g.ID); err != nil {
		return err
	}
	return settleNeeds(tx, g)
}

// AccountUnseen and RoleUnseen are a grant's ErrorKind while the target does not show the account, or what the role means.
const (
	AccountUnseen = "account_unseen"
	RoleUnseen    = "role_unseen"
)

func errorKind(err error) string {
	switch connector.UnseenIn(err) {
	case connector.Account:
		return AccountUnseen
	case connector.Entitlement:
		return RoleUnseen
	}
	return string(connector.KindOf(err))
}

// failureWords tell the holder why; the target's own words stay with the grant, for those who watch it.
func failureWords(err error) string {
	switch errorKind(err) {
	case AccountUnseen:
		return "The account is not visible at the target any more."
	case RoleUnseen:
		return "What the role means is not visible at the target any more."
	case string(connector.Gone):
		return "The account or what the role means no longer exists at the target."
	}
	return "Stint may not give this at the target. An administrator can see why on the target's page."
}

func (b *Broker) followOne(tx *store.Tx, a pim.Activation, g store.GrantRow, o observation) error {
	kind := connector.KindOf(o.err)
	switch {
	case g.Lost && a.State == pim.ActiveConfirmed:
		if err := b.end(tx, a, pim.OnLost, pim.System, "", ""); err != nil {
			return err
		}
		return tellHolder(tx, a, "Another hand took away at the target:", ".")
	case (kind == connector.Gone || kind == connector.Refused) && a.State.Holds():
		if err := b.end(tx, a, pim.OnFailed, pim.System, failureWords(o.err), ""); err != nil {
			return err
		}
		return tellHolder(tx, a, "Failed at the target:", ".")
	default:
		_, err := confirmIfSeen(tx, a)
		return err
	}
}
