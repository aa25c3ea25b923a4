package main

import (
	"runtime"
	"time"
)

func init() { programs["leak"], programs["leak_near"] = leak, leakNear }

// Pitfall 9: the peer has closed, and the program never does.
func leak() {
	client, server := pair()
	expect(server, nobody, "close_wait_leak")
	must(client.Close())
	drain(server)
	time.Sleep(1500 * time.Millisecond)
	// What the garbage collector finds, it closes.
	runtime.KeepAlive(server)
}

// It closes very late, but it does.
func leakNear() {
	client, server := pair()
	must(client.Close())
	drain(server)
	time.Sleep(1500 * time.Millisecond)
	expect(server, self(), "slow_reaction")
	must(server.Close())
}
