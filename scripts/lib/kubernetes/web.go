// web: the software of the tests. It answers HTTP on PORT (8888), echoes WebSockets' bytes on
// /upgrade, and does on request what the tests of a task's end need.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

var taken [][]byte

func environment(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, strings.Join(os.Environ(), "\n"))
}

func kernel(w http.ResponseWriter, r *http.Request) {
	version, _ := os.ReadFile("/proc/version")
	w.Write(version)
}

func exit(w http.ResponseWriter, r *http.Request) {
	code, _ := strconv.Atoi(r.URL.Query().Get("code"))
	fmt.Println("asked to exit")
	os.Exit(code)
}

func say(w http.ResponseWriter, r *http.Request) { fmt.Println(r.URL.Query().Get("text")) }

func take(w http.ResponseWriter, r *http.Request) {
	for {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		taken = append(taken, block)
	}
}

func bytes(w http.ResponseWriter, r *http.Request) {
	count, _ := strconv.ParseInt(r.URL.Query().Get("count"), 10, 64)
	io.CopyN(w, zeros{}, count)
}

func write(w http.ResponseWriter, r *http.Request) {
	count, _ := strconv.ParseInt(r.URL.Query().Get("count"), 10, 64)
	file, err := os.Create("/tmp/written")
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	defer file.Close()
	io.CopyN(file, zeros{}, count)
}

// compute keeps a core busy until the program ends.
func compute(w http.ResponseWriter, r *http.Request) {
	go func() {
		for {
		}
	}()
}

type zeros struct{}

func (zeros) Read(data []byte) (int, error) { return len(data), nil }

func upgrade(w http.ResponseWriter, r *http.Request) {
	connection, buffer, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	io.Copy(connection, bufio.NewReader(buffer))
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "fail" {
		fmt.Println("failing as asked")
		os.Exit(3)
	}
	signal.Ignore(syscall.SIGHUP)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "Hello from a pod") })
	http.HandleFunc("/compute", compute)
	http.HandleFunc("/environment", environment)
	http.HandleFunc("/exit", exit)
	http.HandleFunc("/kernel", kernel)
	http.HandleFunc("/say", say)
	http.HandleFunc("/take", take)
	http.HandleFunc("/bytes", bytes)
	http.HandleFunc("/write", write)
	http.HandleFunc("/upgrade", upgrade)
	port := os.Getenv("PORT")
	if port == "" {
		port = "8888"
	}
	host := os.Getenv("HOST")
	if host == "" {
		// The pod's loopback alone: nothing but a forwarded port, or a container beside it, leads there.
		host = "127.0.0.1"
	}
	fmt.Println("serving on", port)
	http.ListenAndServe(host+":"+port, nil)
}
