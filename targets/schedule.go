package targets

import "context"

// Schedule decides which of several clients of a world goes on, so that what they do at once repeats from a seed: one
// client at a time runs, or the target on its behalf. What runs is chosen only when all that take part wait, in Turn or
// within a request. Outside of a round, when all clients have left, requests go through at once.
type Schedule interface {
	// Clients begins a round of so many clients, numbered from 0. Nothing runs before each has called Turn.
	Clients(n int, seed uint64)
	// Turn waits until the client is chosen. It is called before each request, and further times for a delay. Whoever
	// has left, or got no answer, takes part again with it. Its error is that of the context, or says that the world
	// was closed: the client has left then.
	Turn(ctx context.Context, client int) error
	// Leave says that the client has ended, or waits for others at a barrier.
	Leave(client int)
	// Join has one who left take part again: nothing runs before it has called Turn. The last client at a barrier calls
	// it for all the others before it lets them go on, and never leaves itself.
	Join(client int)
}

// Scheduled is a World whose target may have a schedule. What stands around a World must pass it on.
type Scheduled interface {
	World
	// Schedule is nil where chance decides.
	Schedule() Schedule
}

// ScheduleOf is the schedule of a world, nil where there is none.
func ScheduleOf(w World) Schedule {
	if scheduled, ok := w.(Scheduled); ok {
		return scheduled.Schedule()
	}
	return nil
}

type clientKey struct{}

// AsClient returns a context whose requests are those of one of several clients, for targets without connections.
func AsClient(ctx context.Context, client int) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

// Several reports whether a context is of one of several clients.
func Several(ctx context.Context) bool { return ctx.Value(clientKey{}) != nil }

// ClientOf is the client that a context is of, 0 where it does not say.
func ClientOf(ctx context.Context) int {
	client, _ := ctx.Value(clientKey{}).(int)
	return client
}
