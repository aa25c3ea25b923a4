package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// Bytes of a request, of which a server reads one.
const requested = 64

// How long a server waits for its client's FIN.
const waited = 200 * time.Millisecond

// How many clients visit at a time.
const crowd = 64

// Two servers that do the same and close differently, and the clients of both.
func init() {
	programs["plain"] = func() { answerAll(func(end *net.TCPConn) { end.Close() }) }
	programs["waiting"] = func() { answerAll(closeWaiting) }
	programs["visit"] = visit
}

// Closes when the client has, or after a while.
func closeWaiting(end *net.TCPConn) {
	end.CloseWrite()
	end.SetReadDeadline(time.Now().Add(waited))
	drain(end)
	end.Close()
}

// Answers the request of everybody and closes, until nobody is at standard input any more.
func answerAll(close func(*net.TCPConn)) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(err)
	fmt.Println(port(listener.Addr()))
	go func() {
		for {
			accepted, err := listener.Accept()
			must(err)
			go func() {
				end := accepted.(*net.TCPConn)
				io.ReadFull(end, make([]byte, requested))
				end.Write(make([]byte, requested))
				close(end)
			}()
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

// Visits both servers as often as it is told to, by turns.
func visit() {
	visits, err := strconv.Atoi(os.Getenv("VISITS"))
	must(err)
	var all sync.WaitGroup
	room := make(chan struct{}, crowd)
	for number := 0; number < visits; number++ {
		for _, server := range []string{os.Getenv("PLAIN"), os.Getenv("WAITING")} {
			all.Add(1)
			room <- struct{}{}
			go func(number int) {
				client, err := net.Dial("tcp4", "127.0.0.1:"+server)
				must(err)
				one(client.(*net.TCPConn), number%10)
				<-room
				all.Done()
			}(number)
		}
	}
	all.Wait()
}

// One client of ten kinds: two ask twice and are answered once, one takes its time, and one stays
// away for longer than any server waits.
func one(client *net.TCPConn, kind int) {
	requests := 1
	if kind == 6 || kind == 7 {
		requests = 2
	}
	client.Write(make([]byte, requests*requested))
	drain(client)
	switch kind {
	case 8:
		time.Sleep(20 * time.Millisecond)
	case 9:
		time.Sleep(2500 * time.Millisecond)
	}
	client.Close()
}
