package main

import (
	"errors"
	"net"
	"syscall"
)

func init() { programs["again"], programs["again_near"] = again, againNear }

// Pitfall 8: who closes first is left with TIME_WAIT, and its port is in use.
func again() {
	listener, client, server := listen()
	say(client, expected{Causes: []string{"app_close"}, Goroutine: self(), Asker: self(), Initiator: "local"})
	must(client.Close())
	drain(server)
	must(server.Close())
	_, err := dial(listener, client.LocalAddr())
	if !errors.Is(err, syscall.EADDRINUSE) {
		panic(err)
	}
}

// The server closes first, and the client's next connection takes the server's TIME_WAIT over.
func againNear() {
	listener, client, server := listen()
	must(server.Close())
	drain(client)
	must(client.Close())
	client, err := dial(listener, client.LocalAddr())
	must(err)
	server, err = listener.AcceptTCP()
	must(err)
	// Both are endings of these ports.
	causes := []string{"app_close", "app_close"}
	say(server, expected{Causes: causes, Goroutine: self(), Asker: self(), TakesOver: true})
	must(server.Close())
	drain(client)
	must(client.Close())
}

// Two ends of a connection whose client may be had again from the same port.
func listen() (listener *net.TCPListener, client, server *net.TCPConn) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(err)
	client, err = dial(listener, nil)
	must(err)
	server, err = listener.AcceptTCP()
	must(err)
	settle()
	return listener, client, server
}

func dial(listener *net.TCPListener, from net.Addr) (*net.TCPConn, error) {
	local, _ := from.(*net.TCPAddr)
	return net.DialTCP("tcp4", local, listener.Addr().(*net.TCPAddr))
}
