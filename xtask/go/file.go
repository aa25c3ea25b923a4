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

// The descriptor is lent, not duplicated.
func fileNear() {
	client, server := pair()
	raw, err := server.SyscallConn()
	must(err)
	must(raw.Control(func(uintptr) {}))
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}
