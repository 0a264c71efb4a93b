// The registry that most people run: distribution 2.8 (registry:2), with the filesystem driver and a password file.
//
// Its own command can't be built from the module proxy, so this is a main of our own around its handlers.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/docker/distribution/configuration"
	_ "github.com/docker/distribution/registry/auth/htpasswd"
	"github.com/docker/distribution/registry/handlers"
	_ "github.com/docker/distribution/registry/storage/driver/filesystem"
	gorilla "github.com/gorilla/handlers"
)

// Usage: registry2 serve CONFIG, as the command of distribution itself is called.
func main() {
	file, err := os.Open(os.Args[len(os.Args)-1])
	check(err)
	config, err := configuration.Parse(file)
	check(err)
	app := handlers.NewApp(context.Background(), config)
	listener, err := net.Listen("tcp", config.HTTP.Addr)
	check(err)
	fmt.Printf("listening on %s\n", listener.Addr())
	server := http.Server{Handler: gorilla.CombinedLoggingHandler(os.Stdout, app)}
	if config.HTTP.TLS.Certificate != "" {
		check(server.ServeTLS(listener, config.HTTP.TLS.Certificate, config.HTTP.TLS.Key))
	} else {
		check(server.Serve(listener))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
