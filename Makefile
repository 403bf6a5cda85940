build:
	cargo build --locked
