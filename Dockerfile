# The image holds one static binary and nothing else: no shell, no libraries, no /etc/passwd. `make image` builds the binary
# and then this. Certificates, policy and the account's token are mounted; nothing is ever written.
FROM scratch
COPY stsguard /stsguard
USER 65532:65532
ENTRYPOINT ["/stsguard"]
CMD ["serve"]
