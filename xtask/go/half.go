package main

func init() { programs["half"], programs["half_near"] = half, halfNear }

// Pitfall 6: one direction is shut, and the other goes on.
func half() {
	client, server := pair()
	expectShut(server, "app_shutdown_write")
	must(server.CloseWrite())
	drain(client)
	_, err := client.Write([]byte("more"))
	must(err)
	must(client.Close())
	drain(server)
	must(server.Close())
}

// The reading direction is shut, which sends nothing; the close does.
func halfNear() {
	client, server := pair()
	must(server.CloseRead())
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
