package main

import (
	"net"
	"time"
)

func init() { programs["late"], programs["late_near"] = late, lateNear }

// Pitfall 3: the peer, who may, sends after the close.
func late() {
	client, server := pair()
	expect(server, self(), "app_close", "data_after_close")
	must(server.Close())
	// By now the kernel has only a stand-in left of this end.
	time.Sleep(300 * time.Millisecond)
	reset(client)
}

// The same, but only one direction was shut, and somebody reads the other.
func lateNear() {
	client, server := pair()
	expectShut(server, "app_shutdown_write")
	must(server.CloseWrite())
	drain(client)
	_, err := client.Write([]byte("late"))
	must(err)
	must(client.Close())
	drain(server)
	must(server.Close())
}

// Sends where nobody reads any more, until that is answered, and closes.
func reset(end *net.TCPConn) {
	_, err := end.Write([]byte("late"))
	must(err)
	drain(end)
	must(end.Close())
}
