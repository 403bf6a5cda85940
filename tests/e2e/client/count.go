package main

import (
	"crypto/tls"
	"net/http/httptrace"
	"regexp"
	"sync"
	"time"
)

// count is what is printed.
type count struct {
	lock sync.Mutex
	// Sent is the number of requests that have been answered or have failed.
	Sent int `json:"sent"`
	// Failed is the number of requests without a right answer.
	Failed int `json:"failed"`
	// Errors is how often each error came, ports left out.
	Errors map[string]int `json:"errors"`
	// Connections is the number of requests that were the first on their connection.
	Connections int `json:"connections"`
	// Rested is the number of requests on a connection that had been idle for a quarter of the idle time or longer.
	Rested int `json:"rested"`
	// Closing is the number of answers that asked for their connection to be closed.
	Closing int `json:"closing"`
	// Handshakes is how often each TLS version was agreed on.
	Handshakes map[string]int `json:"handshakes"`
	// FIPS is whether Go is in FIPS mode.
	FIPS bool `json:"fips"`
}

func newCount() *count { return &count{Errors: map[string]int{}, Handshakes: map[string]int{}} }

func (count *count) shaken(state tls.ConnectionState, err error) {
	if err != nil {
		return // The request's error says so.
	}
	count.lock.Lock()
	defer count.lock.Unlock()
	count.Handshakes[tls.VersionName(state.Version)]++
}

func (count *count) got(connection httptrace.GotConnInfo, rested time.Duration) {
	count.lock.Lock()
	defer count.lock.Unlock()
	if !connection.Reused {
		count.Connections++
	}
	if connection.WasIdle && connection.IdleTime >= rested {
		count.Rested++
	}
}

var port = regexp.MustCompile(`:\d+`)

func (count *count) answered(closes bool, err error) {
	count.lock.Lock()
	defer count.lock.Unlock()
	count.Sent++
	if closes {
		count.Closing++
	}
	if err != nil {
		count.Failed++
		count.Errors[port.ReplaceAllString(err.Error(), ":…")]++
	}
}
