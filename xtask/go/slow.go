package main

import "time"

func init() { programs["slow"], programs["slow_near"] = slow, slowNear }

// Pitfall 10: the program is busy, and learns late that the peer has closed.
func slow() {
	client, server := pair()
	expect(server, self(), "slow_reaction")
	must(client.Close())
	time.Sleep(1200 * time.Millisecond)
	drain(server)
	must(server.Close())
}

// It is as late, because it goes on sending: the peer shut one direction only.
func slowNear() {
	client, server := pair()
	expect(server, self(), "peer_closed")
	must(client.CloseWrite())
	drain(server)
	time.Sleep(1200 * time.Millisecond)
	_, err := server.Write([]byte("more"))
	must(err)
	must(server.Close())
	drain(client)
	must(client.Close())
}
