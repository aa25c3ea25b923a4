package main

import (
	"context"
	"time"
)

func init() { programs["bye"], programs["bye_near"] = bye, byeNear }

// Pitfall 13: time is up before the peer has taken what was written, the last word included.
func bye() {
	client, server := pair()
	fill(server)
	taken := make(chan bool)
	ended, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	select {
	case <-taken:
	case <-ended.Done():
	}
	expect(server, self(), "fin_delayed_by_unsent_data")
	must(server.Close())
	time.Sleep(200 * time.Millisecond)
	drain(client)
	must(client.Close())
}

// The peer says that it has everything, in time.
func byeNear() {
	client, server := pair()
	_, err := server.Write([]byte("bye"))
	must(err)
	taken := make(chan bool)
	go func() {
		_, err := server.Read(make([]byte, 1))
		must(err)
		close(taken)
	}()
	_, err = client.Read(make([]byte, 3))
	must(err)
	_, err = client.Write([]byte{1})
	must(err)
	ended, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	select {
	case <-taken:
	case <-ended.Done():
		panic("nothing was said")
	}
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
