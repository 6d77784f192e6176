package store

import "stint/internal/pim"

const resourceCols = "s.id, s.file_key, s.parent_id, s.target_id, s.kind, s.name, s.source, s.version"

func scanResource(r row) (s pim.Resource, err error) {
	err = r.Scan(&s.ID, &s.Key, &s.ParentID, &s.TargetID, &s.Kind, &s.Name, &s.Source, &s.Version)
	return s, err
}

// maxTreeDepth bounds every walk of the tree.
const maxTreeDepth = 32

// Resources lists every resource that was not removed and is not being retired with one above it.
func (r *Reader) Resources() ([]pim.Resource, error) {
	var w where
	w.add("s.removed_at = 0")
	if err := r.staying(&w, "s.id"); err != nil {
		return nil, err
	}
	return many(r, scanResource, "SELECT "+resourceCols+" FROM resources s"+w.String()+" ORDER BY s.name, s.id", w.args...)
}

// Path returns a resource with its ancestors, root first.
func (r *Reader) Path(id string) (pim.Path, error) {
	paths, err := r.Paths([]string{id})
	if err == nil && len(paths[id]) == 0 {
		err = ErrNotFound
	}
	return paths[id], err
}

// Resource returns a resource that was not removed and is not being retired with one above it.
func (r *Reader) Resource(id string) (pim.Resource, error) {
	s, err := one(r, scanResource, "SELECT "+resourceCols+" FROM resources s WHERE s.id = $1 AND s.removed_at = 0", id)
	if err != nil {
		return s, err
	}
	leaves, err := r.Leaving(id)
	if err == nil && leaves {
		err = ErrNotFound
	}
	return s, err
}

// Paths returns resources with their ancestors by id; what does not exist is left out. Removed ones are
// included: history stays readable.
func (r *Reader) Paths(ids []string) (map[string]pim.Path, error) {
	var args []any
	list := in(&args, ids)
	nodes, err := many(r, scanResource, `WITH RECURSIVE up(id, parent_id, depth) AS (
		SELECT id, parent_id, 0 FROM resources WHERE id IN `+list+`
		UNION
		SELECT s.id, s.parent_id, up.depth + 1 FROM resources s JOIN up ON s.id = up.parent_id WHERE up.depth < 32)
		SELECT `+resourceCols+" FROM resources s WHERE s.id IN (SELECT id FROM up)", args...)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]pim.Resource, len(nodes))
	for _, n := range nodes {
		byID[n.ID] = n
	}
	paths := make(map[string]pim.Path, len(ids))
	for _, id := range ids {
		if p := pathTo(byID, id); len(p) > 0 {
			paths[id] = p
		}
	}
	return paths, nil
}

func pathTo(byID map[string]pim.Resource, id string) pim.Path {
	var p pim.Path
	for range maxTreeDepth {
		node, ok := byID[id]
		if !ok {
			break
		}
		p = append(pim.Path{node}, p...)
		id = node.ParentID
	}
	return p
}

// InsertResource adds a resource.
func (tx *Tx) InsertResource(s pim.Resource) error {
	_, err := tx.exec("INSERT INTO resources (id, file_key, parent_id, target_id, kind, name, source) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		s.ID, s.Key, s.ParentID, s.TargetID, s.Kind, s.Name, s.Source)
	return err
}

// UpdateResource saves a resource; the version must be the one read.
func (tx *Tx) UpdateResource(s pim.Resource) error {
	return tx.must(`UPDATE resources SET parent_id = $1, target_id = $2, kind = $3, name = $4, source = $5, file_key = $8, version = version + 1
		WHERE id = $6 AND version = $7 AND removed_at = 0`, s.ParentID, s.TargetID, s.Kind, s.Name, s.Source, s.ID, s.Version, s.Key)
}

// RemoveResource marks a resource removed.
func (tx *Tx) RemoveResource(id string) error {
	return tx.must("UPDATE resources SET removed_at = $1, version = version + 1 WHERE id = $2 AND removed_at = 0", us(tx.Now), id)
}
