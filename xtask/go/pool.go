package main

import "time"

func init() { programs["pool"], programs["pool_near"] = pool, poolNear }

const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

// Pitfall 11: a connection out of a pool is used again, and the peer has closed it meanwhile.
func pool() {
	client, server := pair()
	must(server.Close())
	time.Sleep(200 * time.Millisecond)
	expect(client, nobody, "wrote_after_peer_close")
	_, err := client.Write([]byte(request))
	must(err)
	drain(client)
	must(client.Close())
}

// The pool looks before it lends, and closes what has ended.
func poolNear() {
	client, server := pair()
	must(server.Close())
	time.Sleep(200 * time.Millisecond)
	drain(client)
	expect(client, self(), "peer_closed")
	must(client.Close())
}
