package main

import "time"

func init() { programs["slow"], programs["slow_near"] = slow, slowNear }

// Pitfall 10: the program is busy, and learns late that the peer has closed.
func slow() {
	client, server := pair()
	must(client.Close())
	time.Sleep(1500 * time.Millisecond)
	drain(server)
	expect(server, self(), "slow_reaction")
	must(server.Close())
}

// It is as late, because it goes on sending: the peer shut one direction only.
func slowNear() {
	client, server := pair()
	must(client.CloseWrite())
	drain(server)
	time.Sleep(1500 * time.Millisecond)
	_, err := server.Write([]byte("more"))
	must(err)
	expect(server, self(), "peer_closed")
	must(server.Close())
	drain(client)
	must(client.Close())
}
