module stsguard.dev/e2e/client

go 1.26
