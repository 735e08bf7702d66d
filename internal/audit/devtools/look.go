package devtools

import "context"

// An AXNode is one node of the page as assistive technology reads it.
type AXNode struct {
	Depth       int
	Role        string // button, link, heading, textbox, …
	Name        string
	Value       string
	Description string
	Focused     bool
}

// AXTree returns the page's accessibility tree in reading order, without the
// nodes that assistive technology passes over.
func (p *Page) AXTree(ctx context.Context) ([]AXNode, error) {
	type text struct{ Value any }
	type node struct {
		NodeID                         string
		Ignored                        bool
		Role, Name, Value, Description text
		Properties                     []struct {
			Name  string
			Value text
		}
		ChildIDs []string
	}
	var tree struct{ Nodes []node }
	if err := p.Call(ctx, "Accessibility.getFullAXTree", nil, &tree); err != nil {
		return nil, err
	}
	byID := map[string]node{}
	for _, n := range tree.Nodes {
		byID[n.NodeID] = n
	}
	str := func(t text) string { s, _ := t.Value.(string); return s }
	var list []AXNode
	var walk func(id string, depth int)
	walk = func(id string, depth int) {
		n, ok := byID[id]
		if !ok {
			return
		}
		delete(byID, id) // so that even a tree with a loop has an end
		if !n.Ignored {
			a := AXNode{Depth: depth, Role: str(n.Role), Name: str(n.Name), Value: str(n.Value), Description: str(n.Description)}
			for _, q := range n.Properties {
				a.Focused = a.Focused || q.Name == "focused" && q.Value.Value == true
			}
			list = append(list, a)
			depth++
		}
		for _, c := range n.ChildIDs {
			walk(c, depth)
		}
	}
	if len(tree.Nodes) > 0 {
		walk(tree.Nodes[0].NodeID, 0)
	}
	return list, nil
}

// A Cookie is one cookie that the visit has taken.
type Cookie struct {
	Name, Value, Domain, Path string
	Expires                   float64 // seconds since 1970; -1 for the session's end
	HTTPOnly, Secure, Session bool
	SameSite                  string
}

// Cookies returns all cookies of the visit.
func (p *Page) Cookies(ctx context.Context) ([]Cookie, error) {
	var got struct{ Cookies []Cookie }
	err := p.b.call(ctx, "", "Storage.getCookies", map[string]any{"browserContextId": p.context}, &got)
	return got.Cookies, err
}
