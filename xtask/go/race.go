package main

import "time"

func init() { programs["race"], programs["race_near"] = race, raceNear }

// Pitfall 12: one goroutine closes while another reads, and the reader's call ends the connection.
//
// A read that is woken by the close may be over before Close is; this one takes its time.
func race() {
	client, server := pair()
	reader := make(chan uint64)
	go func() {
		raw, err := server.SyscallConn()
		must(err)
		must(raw.Read(func(uintptr) bool {
			reader <- self()
			time.Sleep(500 * time.Millisecond)
			return true
		}))
		close(reader)
	}()
	executor := <-reader
	expect(server, executor, "app_close")
	must(server.Close())
	<-reader
	drain(client)
	must(client.Close())
}

// The reader is done before the other closes.
func raceNear() {
	client, server := pair()
	_, err := client.Write([]byte("last"))
	must(err)
	done := make(chan bool)
	go func() {
		_, err := server.Read(make([]byte, 4))
		must(err)
		done <- true
	}()
	<-done
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
