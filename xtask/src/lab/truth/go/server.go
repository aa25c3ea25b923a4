// A net/http server that answers at once, or after a while under /slow.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	http.HandleFunc("/", func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "ok") })
	http.HandleFunc("/slow", func(out http.ResponseWriter, _ *http.Request) {
		time.Sleep(300 * time.Millisecond)
		fmt.Fprintln(out, "late")
	})
	listener, err := net.Listen("tcp4", ":"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.Serve(listener, nil)
}
