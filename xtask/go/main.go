// Small programs, each with one way in which Go programs end connections, told by what they print.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// A program by its name.
var programs = map[string]func(){}

// What finrst has to say of one end of a connection.
type expected struct {
	Program string   `json:"program"`
	Local   int      `json:"local"`
	Remote  int      `json:"remote"`
	Causes  []string `json:"causes"`
	// Of everything this end's process does to it; zero when its kernel does everything.
	Goroutine uint64 `json:"goroutine"`
	// Which one calls Close, if that ends something.
	Asker uint64 `json:"asker"`
	// Where it calls, or shuts a direction: the line after the one that says so.
	Place string `json:"place"`
	// Who acts first, where it matters.
	Initiator string `json:"initiator,omitempty"`
	// Whether the last ending has the tuple of the one before.
	TakesOver bool `json:"takes_over,omitempty"`
}

// No goroutine acts.
const nobody = 0

// Runs the program of this name; of several names each in a process of its own, all at a time.
func main() {
	if len(os.Args) > 2 {
		each(os.Args[1:])
		return
	}
	program, known := programs[os.Args[1]]
	if !known {
		fmt.Fprintln(os.Stderr, "no such program:", os.Args[1])
		os.Exit(2)
	}
	program()
}

func each(names []string) {
	var running []*exec.Cmd
	for _, name := range names {
		command := exec.Command("/proc/self/exe", name)
		command.Args[0], command.Stdout, command.Stderr = os.Args[0], os.Stdout, os.Stderr
		must(command.Start())
		running = append(running, command)
	}
	for _, command := range running {
		must(command.Wait())
	}
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
	settle()
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

// Programs live longer than a connection; finrst looks at this one meanwhile.
func settle() { time.Sleep(600 * time.Millisecond) }

// Says what is to come of this end when it is closed in the next line, and which goroutine's system
// call will do it.
func expect(end *net.TCPConn, goroutine uint64, causes ...string) {
	what := expected{Causes: causes, Goroutine: goroutine}
	if goroutine != nobody {
		what.Asker = self()
	}
	say(end, what)
}

// The same for one direction.
func expectShut(end *net.TCPConn, causes ...string) {
	say(end, expected{Causes: causes, Goroutine: self()})
}

func say(end *net.TCPConn, what expected) {
	what.Program, what.Local, what.Remote = os.Args[1], port(end.LocalAddr()), port(end.RemoteAddr())
	what.Place = next()
	line, err := json.Marshal(what)
	must(err)
	fmt.Println(string(line))
}

// The line of a program after the one it is in, with its file.
func next() string {
	for depth := 1; ; depth++ {
		_, file, line, _ := runtime.Caller(depth)
		if name := filepath.Base(file); name != "main.go" {
			return fmt.Sprintf("%s:%d", name, line+1)
		}
	}
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
	buffer := make([]byte, 64<<10)
	for {
		if _, err := end.Read(buffer); err != nil {
			return
		}
	}
}

// Writes for as long as the other end, which does not read, has room for it, and then until there is
// none here either.
func fill(end *net.TCPConn) {
	must(end.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)))
	for {
		if _, err := end.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}

// Has something done to the descriptor of an end.
func control(end *net.TCPConn, do func(descriptor int) error) {
	raw, err := end.SyscallConn()
	must(err)
	must(raw.Control(func(descriptor uintptr) { err = do(int(descriptor)) }))
	must(err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
