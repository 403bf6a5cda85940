package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
)

// review is a body that an API server sent, and the path that it sent it to.
type review struct {
	path string
	uid  string
	body []byte
}

// read reads a folder of reviews; a file's name begins with the path.
func read(folder string) ([]review, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no review", folder)
	}
	var reviews []review
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var sent struct{ Request struct{ UID string } }
		if err := json.Unmarshal(body, &sent); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		path, _, _ := strings.Cut(filepath.Base(file), "-")
		reviews = append(reviews, review{path: "/" + path, uid: sent.Request.UID, body: body})
	}
	return reviews, nil
}

// one sends one review and counts what comes back.
func (load *load) one() {
	review := load.reviews[rand.IntN(len(load.reviews))]
	ctx, cancel := context.WithTimeout(context.Background(), load.timeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: load.count.shaken,
		GotConn:          func(got httptrace.GotConnInfo) { load.count.got(got, load.rested) },
	})
	closes, err := load.exchange(ctx, review)
	load.count.answered(closes, err)
}

// exchange sends a review; an answer that does not belong to it is an error. It tells whether the answer closes its
// connection.
func (load *load) exchange(ctx context.Context, review review) (bool, error) {
	url := fmt.Sprintf("https://%s%s?timeout=%s", load.name, review.path, load.timeout)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(review.body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, */*")
	request.Header.Set("User-Agent", "kube-apiserver-admission")
	response, err := load.client.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d: %.100s", response.StatusCode, body)
	}
	var answer struct{ Response struct{ UID string } }
	if err := json.Unmarshal(body, &answer); err != nil {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	if answer.Response.UID != review.uid {
		return false, fmt.Errorf("an answer with the uid %q", answer.Response.UID)
	}
	return response.Close, nil
}
