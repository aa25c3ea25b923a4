package main

import (
	"errors"
	"net"
	"syscall"
	"time"
)

func init() { programs["dead"], programs["dead_near"] = dead, deadNear }

// Pitfall 14: the peer is gone without a word, and only probes find out.
func dead() {
	client, server := pair()
	deafen(client)
	probe(server)
	expect(server, nobody, "keepalive_timeout")
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		panic(err)
	}
	must(server.Close())
	// Nothing is to be left of it.
	must(client.SetLinger(0))
	must(client.Close())
}

// The peer is as silent, but its kernel answers.
func deadNear() {
	client, server := pair()
	probe(server)
	time.Sleep(1500 * time.Millisecond)
	expect(server, self(), "app_close")
	must(server.Close())
	drain(client)
	must(client.Close())
}

// Whatever comes for this end is dropped from now on, as if its host were gone.
func deafen(end *net.TCPConn) {
	control(end, func(descriptor int) error {
		drop := syscall.LsfStmt(syscall.BPF_RET|syscall.BPF_K, 0)
		return syscall.AttachLsf(descriptor, []syscall.SockFilter{*drop})
	})
}

// After a second of silence one probe, and a second for its answer.
func probe(end *net.TCPConn) {
	must(end.SetKeepAlive(true))
	control(end, func(descriptor int) error {
		for _, option := range []int{syscall.TCP_KEEPIDLE, syscall.TCP_KEEPINTVL, syscall.TCP_KEEPCNT} {
			if err := syscall.SetsockoptInt(descriptor, syscall.IPPROTO_TCP, option, 1); err != nil {
				return err
			}
		}
		return nil
	})
}
