// A net/http client: so many requests over connections of their own, every tenth given up.
package main

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	count, _ := strconv.Atoi(os.Args[2])
	var all sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		all.Add(1)
		go func(worker int) {
			defer all.Done()
			transport := &http.Transport{DisableKeepAlives: true}
			for number := worker; number < count; number += 8 {
				client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
				path := "/"
				if number%80 == worker {
					client.Timeout = 50 * time.Millisecond
					path = "/slow"
				}
				if answer, err := client.Get(os.Args[1] + path); err == nil {
					io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
				}
			}
		}(worker)
	}
	all.Wait()
}
