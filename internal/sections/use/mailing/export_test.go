package mailing

import "context"

// Kill hands over what is due and writes nothing down, as a process does that is
// killed then.
func (s *Section) Kill(ctx context.Context) {
	rows, _, err := s.lease(ctx)
	if err != nil {
		panic(err)
	}
	for _, r := range rows {
		from, to, text, _, err := s.compose(ctx, r)
		if err != nil {
			panic(err)
		}
		_ = s.Door.Send(ctx, from, to.Text(), text)
	}
}

// Hang leases what is due and gives what delivers it, late.
func (s *Section) Hang(ctx context.Context) func() error {
	rows, _, err := s.lease(ctx)
	if err != nil {
		panic(err)
	}
	return func() (err error) {
		for _, r := range rows {
			err = s.deliver(ctx, r, false)
		}
		return err
	}
}
