package main

func init() { programs["repeat"] = repeat }

// Closes one connection after the other, until somebody has seen enough.
func repeat() {
	for {
		client, server := pair()
		expect(server, self(), "app_close")
		must(server.Close())
		drain(client)
		must(client.Close())
	}
}
