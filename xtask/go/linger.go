package main

func init() { programs["linger"], programs["linger_near"] = linger, lingerNear }

// Pitfall 4: SetLinger(0) makes every close a reset.
func linger() {
	client, server := pair()
	must(server.SetLinger(0))
	expect(server, self(), "linger_zero")
	must(server.Close())
	drain(client)
	must(client.Close())
}

// It is set and taken back.
func lingerNear() {
	client, server := pair()
	must(server.SetLinger(0))
	must(server.SetLinger(-1))
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
