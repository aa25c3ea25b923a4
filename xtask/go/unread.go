package main

import "time"

func init() { programs["unread"], programs["unread_near"] = unread, unreadNear }

// Pitfall 2: what was received is not read before the close.
func unread() {
	client, server := pair()
	_, err := client.Write([]byte("unread"))
	must(err)
	time.Sleep(100 * time.Millisecond)
	expect(server, self(), "closed_with_unread_data")
	must(server.Close())
	drain(client)
	must(client.Close())
}

// It is read, down to the last byte.
func unreadNear() {
	client, server := pair()
	_, err := client.Write([]byte("read"))
	must(err)
	_, err = server.Read(make([]byte, 4))
	must(err)
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
