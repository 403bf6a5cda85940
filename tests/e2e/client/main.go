// Command client sends AdmissionReviews as kube-apiserver does, counts the answers, and prints them as one line of JSON
// when its standard input ends.
//
// It is written in Go for the sake of net/http, whose connection pool decides what a shutdown of the server costs: what
// the API server sets is set here too (25 idle connections a host, an idle time of 90 s, HTTP/1.1 only, the Service's
// name verified), and a POST is not sent again once a byte of it was written. With -tls 1.2 it stops there, and under
// GODEBUG=fips140=on it offers what Go allows in FIPS mode: two kinds of API servers that a server may turn away.
package main

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// The shortest and the longest rests between bursts, as shares of the idle time.
const (
	mostOften = 0.04
	seldom    = 0.6
	longest   = 1.1
)

// What the API server sets for webhooks: MaxIdleConnsPerHost of client-go's transports.
const idleConnections = 25

func main() {
	log.SetFlags(0)
	address := flag.String("address", "", "where to connect to, the Service's `IP:PORT`")
	name := flag.String("name", "", "the `NAME` to verify, SERVICE.NAMESPACE.svc")
	authorities := flag.String("ca", "", "a PEM `FILE` with the authorities to trust")
	folder := flag.String("reviews", "", "a `FOLDER` of AdmissionReviews, named PATH-*.json")
	servers := flag.Int("servers", 3, "as how many API servers, each with a pool of its own")
	rate := flag.Float64("rate", 40, "steady requests a second of each")
	idle := flag.Duration("idle", 90*time.Second, "how long an idle connection is kept")
	timeout := flag.Duration("timeout", 5*time.Second, "how long a request may take")
	newest := flag.String("tls", "1.3", "the newest `VERSION` of TLS to speak, 1.2 or 1.3")
	pair := flag.String("pair", "", "make an RSA pair for -name with its CA in this `FOLDER`, and do nothing else")
	flag.Parse()

	if *pair != "" {
		if err := makePair(*pair, *name); err != nil {
			log.Fatal(err)
		}
		return
	}
	versions := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	version, known := versions[*newest]
	if !known {
		log.Fatalf("-tls %s is neither 1.2 nor 1.3", *newest)
	}

	reviews, err := read(*folder)
	if err != nil {
		log.Fatal(err)
	}
	trusted, err := os.ReadFile(*authorities)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(trusted) {
		log.Fatalf("%s holds no certificate", *authorities)
	}
	ended, end := context.WithCancel(context.Background())
	go func() {
		// The other end closes it, or is gone.
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	count := newCount()
	count.FIPS = fips140.Enabled()
	var paces sync.WaitGroup
	for number := range *servers {
		load := &load{
			client:  &http.Client{Transport: transport(*address, *name, pool, version, *idle)},
			name:    *name,
			reviews: reviews,
			timeout: *timeout,
			rested:  *idle / 4,
			count:   count,
		}
		// The last one has little to do: its connections lie idle for most of the time that they are kept.
		shortest := mostOften
		if number < *servers-1 {
			paces.Go(func() { load.steadily(ended, *rate) })
		} else {
			shortest = seldom
		}
		paces.Go(func() { load.inBursts(ended, *idle, shortest) })
	}
	paces.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(count); err != nil {
		log.Fatal(err)
	}
}

// transport is what client-go makes for the webhooks of an API server.
func transport(address, name string, trusted *x509.CertPool, newest uint16, idle time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{
			RootCAs:    trusted,
			ServerName: name,
			NextProtos: []string{"http/1.1"},
			MaxVersion: newest,
		},
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     idle,
	}
}

// load is what one API server sends, and what has become of it.
type load struct {
	client  *http.Client
	name    string
	reviews []review
	timeout time.Duration
	rested  time.Duration
	count   *count
}

// steadily sends one request after the other, whether or not the former has been answered.
func (load *load) steadily(ended context.Context, rate float64) {
	var sent sync.WaitGroup
	defer sent.Wait()
	ticks := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer ticks.Stop()
	for {
		select {
		case <-ended.Done():
			return
		case <-ticks.C:
			sent.Go(load.one)
		}
	}
}

// inBursts sends some requests at once, then rests: the connections of a burst lie idle for up to the whole idle time
// before the next one digs them out, and shutdowns meet them at every age. Short rests are as frequent as long ones, by
// orders of magnitude.
func (load *load) inBursts(ended context.Context, idle time.Duration, shortest float64) {
	var sent sync.WaitGroup
	defer sent.Wait()
	for ended.Err() == nil {
		for range 2 + rand.IntN(idleConnections) {
			sent.Go(load.one)
		}
		rest := time.Duration(longest * math.Pow(shortest/longest, rand.Float64()) * float64(idle))
		select {
		case <-ended.Done():
		case <-time.After(rest):
		}
	}
}
