# The image holds one static binary and nothing else. Build the binary first:
#   RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --target x86_64-unknown-linux-gnu
FROM scratch
COPY target/x86_64-unknown-linux-gnu/release/stsguard /stsguard
USER 65532:65532
ENTRYPOINT ["/stsguard"]
CMD ["serve"]
