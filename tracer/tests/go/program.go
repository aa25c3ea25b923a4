// A program whose functions are inlined into each other, and which may close connections.
package main

import (
	"fmt"
	"net"
	"os"
)

type counter struct{ value int }

func (c *counter) add(more int) int { return c.value + more }

func twice(value int) int { return value * 2 }

func small(value int) int { return value*3 + twice(value) }

func main() {
	count := &counter{len(os.Args)}
	fmt.Println(count.add(small(len(os.Args))))
	if conn, err := net.Dial("tcp", "127.0.0.1:1"); err == nil {
		conn.Close()
	}
}
