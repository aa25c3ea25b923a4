package main

import (
	"net"
	"syscall"
	"time"
)

func init() {
	programs["stuck"], programs["stuck_near"] = stuck, stuckNear
	programs["orphan"], programs["orphan_near"] = orphan, orphanNear
}

// Pitfall 7: one direction is shut, and the peer's FIN does not come.
func stuck() {
	client, server := pair()
	expectShut(server, "fin_wait2_stuck")
	must(server.CloseWrite())
	time.Sleep(1500 * time.Millisecond)
	must(server.Close())
	must(client.Close())
}

// It comes, as late as that.
func stuckNear() {
	client, server := pair()
	expectShut(server, "app_shutdown_write")
	must(server.CloseWrite())
	time.Sleep(1500 * time.Millisecond)
	must(client.Close())
	drain(server)
	must(server.Close())
}

// Pitfall 7: the peer's FIN does not come, and the kernel, left alone with it, does not wait.
func orphan() {
	client, server := pair()
	patience(server, -1)
	expect(server, self(), "fin_wait2_timeout")
	must(server.Close())
	drain(client)
	must(client.Close())
}

// The kernel waits as long as it does by default.
func orphanNear() {
	client, server := pair()
	patience(server, -1)
	patience(server, 0)
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}

// How many seconds the kernel waits for the peer's FIN, alone; none below zero.
func patience(end *net.TCPConn, seconds int) {
	control(end, func(descriptor int) error {
		return syscall.SetsockoptInt(descriptor, syscall.IPPROTO_TCP, syscall.TCP_LINGER2, seconds)
	})
}
