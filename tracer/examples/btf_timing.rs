//! How long it takes to read, index and search the kernel's BTF; run it with `--release`.
#![expect(clippy::print_stdout, reason = "an example prints its result")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{error::Error, path::PathBuf, time::Instant};

use tracer::probe::{
    btf::{Btf, VMLINUX},
    offsets,
};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| VMLINUX.into());
    for _ in 0..5 {
        let start = Instant::now();
        let bytes = std::fs::read(PathBuf::from(&path))?;
        let read = start.elapsed();
        let start = Instant::now();
        let btf = Btf::parse(bytes)?;
        let parsed = start.elapsed();
        let start = Instant::now();
        let resolved = offsets::resolve(&btf)?;
        let done = start.elapsed();
        let start = Instant::now();
        let reasons = btf.enumeration("sk_rst_reason")?.map(|names| names.len());
        let close = btf.function_parameters("tcp_close")?;
        let reset = btf.raw_tracepoint_parameters("tcp_send_reset")?;
        let named = start.elapsed();
        println!("read {read:?}, parse {parsed:?}, resolve {done:?}, three names {named:?}");
        println!("missing {:?}", resolved.missing);
        println!("{reasons:?} reset reasons, tcp_close{close:?}, tcp_send_reset{reset:?}");
    }
    Ok(())
}
