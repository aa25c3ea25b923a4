// Small programs, each with one way in which Go programs end connections, told by what they print.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"
)

// A program by its name.
var programs = map[string]func(){}

// What finrst has to say of one end of a connection.
type expected struct {
	Local     int      `json:"local"`
	Remote    int      `json:"remote"`
	Causes    []string `json:"causes"`
	Goroutine uint64   `json:"goroutine"`
}

func main() {
	program, known := programs[os.Args[1]]
	if !known {
		fmt.Fprintln(os.Stderr, "no such program:", os.Args[1])
		os.Exit(2)
	}
	program()
}

// Two ends of a connection on this machine: of who connected, and of who accepted.
func pair() (client, server *net.TCPConn) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(err)
	defer listener.Close()
	dialled, err := net.Dial("tcp4", listener.Addr().String())
	must(err)
	accepted, err := listener.Accept()
	must(err)
	// Programs live longer than a connection; finrst looks at this one meanwhile.
	time.Sleep(300 * time.Millisecond)
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

// Says what is to come of this end, and which goroutine will do it.
func expect(end *net.TCPConn, goroutine uint64, causes ...string) {
	line, err := json.Marshal(expected{port(end.LocalAddr()), port(end.RemoteAddr()), causes, goroutine})
	must(err)
	fmt.Println(string(line))
}

func port(address net.Addr) int { return address.(*net.TCPAddr).Port }

// The goroutine that calls this, by the only way Go has to tell.
func self() uint64 {
	text := make([]byte, 64)
	text = bytes.TrimPrefix(text[:runtime.Stack(text, false)], []byte("goroutine "))
	number, err := strconv.ParseUint(string(text[:bytes.IndexByte(text, ' ')]), 10, 64)
	must(err)
	return number
}

// Reads until there is nothing more to come.
func drain(end *net.TCPConn) {
	buffer := make([]byte, 1024)
	for {
		if _, err := end.Read(buffer); err != nil {
			return
		}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
