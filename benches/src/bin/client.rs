#![forbid(unsafe_code)]
//! Runs one workload on one client and prints one line of JSON.
//!
//! `client <async-nats|midge|midge-blocking> <workload> --url <url> [--count <n>] [...]`

fn main() -> midge_benches::Result<()> {
    midge_benches::clients::main()
}
