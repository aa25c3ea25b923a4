package main

import "time"

func init() { programs["wait"], programs["wait_near"] = wait, waitNear }

// Pitfall 5: SetLinger(5) makes Close wait until the peer has taken everything.
func wait() {
	client, server := pair()
	must(server.SetLinger(5))
	fill(server)
	taken := make(chan bool)
	go func() {
		time.Sleep(200 * time.Millisecond)
		drain(client)
		close(taken)
	}()
	expect(server, self(), "linger_wait")
	must(server.Close())
	<-taken
	must(client.Close())
}

// It is set and taken back, and the close waits for nobody.
func waitNear() {
	client, server := pair()
	must(server.SetLinger(5))
	must(server.SetLinger(-1))
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
