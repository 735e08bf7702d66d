package server_test

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/avow-privacy/avow/server"
)

// A Go program that has a site of its own puts avow in front of it.
func ExampleNew() {
	text, err := os.ReadFile("statement.md")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	house, err := server.New(ctx, server.Config{
		Data: "/srv/avow/data", Keys: "file:/srv/avow/keys",
		Statement: text, StatementName: "statement.md",
		Site: http.FileServer(http.Dir("site")),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer house.Close()
	go house.Run(ctx)
	log.Fatal(http.ListenAndServe(":8080", house.Public()))
}
