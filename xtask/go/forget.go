package main

import (
	"fmt"
	"net"
	"os"
)

func init() { programs["forget"], programs["forget_near"] = forget, forgetNear }

// A server that answers three kinds of requests and forgets to close after one of them.
func forget() { serve(true) }

// It closes after each.
func forgetNear() { serve(false) }

// What is forgotten is still there: the garbage collector would close it.
var forgotten []net.Conn

func serve(forgets bool) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(err)
	fmt.Println(port(listener.Addr()))
	for {
		accepted, err := listener.Accept()
		must(err)
		go answer(accepted, forgets)
	}
}

func answer(client net.Conn, forgets bool) {
	kind := make([]byte, 1)
	if _, err := client.Read(kind); err != nil {
		must(client.Close())
		return
	}
	switch kind[0] {
	case 'a':
		all(client)
	case 'b':
		briefly(client)
	case 'c':
		status(client, forgets)
	}
}

func all(client net.Conn) {
	defer client.Close()
	client.Write(make([]byte, 4096))
}

func briefly(client net.Conn) {
	client.Write([]byte("b"))
	must(client.Close())
}

func status(client net.Conn, forgets bool) {
	fmt.Fprintln(os.Stderr, next())
	client.Write([]byte("c"))
	if forgets {
		forgotten = append(forgotten, client)
		return
	}
	must(client.Close())
}
