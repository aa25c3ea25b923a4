package main

import "time"

func init() { programs["deadline"], programs["deadline_near"] = deadline, deadlineNear }

// Pitfall 15: a read deadline expires, and the server closes.
func deadline() {
	client, server := pair()
	handler := make(chan bool)
	go func() {
		must(server.SetReadDeadline(time.Now().Add(50 * time.Millisecond)))
		if _, err := server.Read(make([]byte, 4)); err == nil {
			panic("there was something to read")
		}
		expect(server, self(), "app_close")
		must(server.Close())
		handler <- true
	}()
	<-handler
	drain(client)
	must(client.Close())
}

// The client is faster: the server only answers its close.
func deadlineNear() {
	client, server := pair()
	expect(client, self(), "app_close")
	must(client.Close())
	must(server.SetReadDeadline(time.Now().Add(5 * time.Second)))
	drain(server)
	must(server.Close())
}
