package main

import "time"

func init() { programs["file"], programs["file_near"] = file, fileNear }

// Pitfall 1: File duplicates the descriptor, and closing the connection closes one of two.
func file() {
	client, server := pair()
	duplicate, err := server.File()
	must(err)
	expect(server, self(), "close_other_holders", "app_close")
	must(server.Close())
	time.Sleep(300 * time.Millisecond)
	must(duplicate.Close())
	drain(client)
	must(client.Close())
}

// The duplicate is closed first.
func fileNear() {
	client, server := pair()
	duplicate, err := server.File()
	must(err)
	must(duplicate.Close())
	// It was made blocking, and this keeps the connection's own descriptor as it was.
	time.Sleep(50 * time.Millisecond)
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
